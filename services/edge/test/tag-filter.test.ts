import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FilterNode } from '@pharos/client-protocol';
import fc from 'fast-check';
import { compileFilter, FilterError } from '../src/outbound/tag-filter.ts';

const node = (fields: Partial<FilterNode>): FilterNode => ({
  op: '',
  key: '',
  cmp: '',
  val: '',
  vals: [],
  nodes: [],
  ...fields,
});
const leaf = (cmp: string, val: string, key = 'n'): FilterNode => node({ cmp, key, val });
const list = (cmp: string, ...vals: string[]): FilterNode => node({ cmp, key: 'n', vals });
const op = (name: string, ...nodes: FilterNode[]): FilterNode => node({ op: name, nodes });
const tags = (value?: string): Map<string, string> => new Map(value === undefined ? [] : [['n', value]]);

function kindOf(filter: FilterNode): string {
  try {
    compileFilter(filter);
    return 'fine';
  } catch (error) {
    assert.ok(error instanceof FilterError);
    return error.kind;
  }
}

describe('filters of tags', () => {
  test('every comparison, on values that it holds for, and others', () => {
    const cases: [FilterNode, (string | undefined)[], (string | undefined)[]][] = [
      [leaf('eq', 'a'), ['a'], ['b', '', 'A', undefined]],
      [leaf('neq', 'a'), ['b', '', undefined], ['a']],
      [list('in', 'a', 'b'), ['a', 'b'], ['c', '', undefined]],
      [list('in', 'a', ''), ['a', '', undefined], ['c']],
      [list('nin', 'a', 'b'), ['c', '', undefined], ['a', 'b']],
      [node({ cmp: 'ex', key: 'n' }), ['', 'a'], [undefined]],
      [node({ cmp: 'nex', key: 'n' }), [undefined], ['', 'a']],
      [leaf('sw', 'ab'), ['ab', 'abc'], ['a', 'xab', undefined]],
      [leaf('ew', 'ab'), ['ab', 'xab'], ['abx', undefined]],
      [leaf('ct', 'ab'), ['ab', 'xabx'], ['axb', undefined]],
      [leaf('lt', '10'), ['9', '-11', '9.9999999999999999999', '+9'], ['10', '10.0', '11', 'x', '', '1e0', undefined]],
      [leaf('lte', '10'), ['10', '010.000', '-0'], ['10.0000000000000000001', undefined]],
      [
        leaf('gt', '-1.5'),
        ['-1.4', '0', '100000000000000000000000000000'],
        ['-1.5', '-2', '.5', '1.', 'NaN', undefined],
      ],
      [leaf('gte', '0.30000000000000000001'.slice(0, 21)), ['0.3000000000000000001'], ['0.2999999999999999999']],
    ];
    for (const [filter, yes, no] of cases) {
      const { matches, canonical } = compileFilter(filter);
      for (const value of yes) assert.ok(matches(tags(value)), `${canonical} for ${value}`);
      for (const value of no) assert.ok(!matches(tags(value)), `${canonical} not for ${value}`);
    }
  });

  test('operators, as logic has them', () => {
    const [a, b] = [leaf('ct', 'a'), leaf('ct', 'b')];
    for (const [value, both, either] of [
      ['ab', true, true],
      ['a', false, true],
      ['b', false, true],
      ['', false, false],
    ] as const) {
      assert.equal(compileFilter(op('and', a, b)).matches(tags(value)), both);
      assert.equal(compileFilter(op('or', a, b)).matches(tags(value)), either);
      assert.equal(compileFilter(op('not', op('or', a, b))).matches(tags(value)), !either);
    }
  });

  test('the reserved names are no tags', () => {
    assert.ok(!compileFilter(leaf('eq', 'x', 'pharos-user')).matches(new Map([['pharos-user', 'x']])));
  });

  test('one form for what says the same; another for what does not', () => {
    const [a, b, c] = [leaf('eq', 'a'), leaf('eq', 'b'), list('in', 'y', 'x', 'x')];
    const form = (filter: FilterNode): string => compileFilter(filter).canonical;
    assert.equal(form(op('and', a, b, c)), form(op('and', list('in', 'x', 'y'), b, a, a)));
    assert.equal(form(op('or', op('and', a, b), c)), form(op('or', c, op('and', b, a))));
    assert.equal(form(op('and', a)), form(a));
    const different = [
      a,
      b,
      c,
      op('not', a),
      op('and', a, b),
      op('or', a, b),
      leaf('eq', 'a"],["eq","n","b'),
      leaf('neq', 'a'),
    ];
    assert.equal(new Set(different.map(form)).size, different.length);
  });

  test('what makes no sense is refused, and what is too large', () => {
    for (const bad of [
      node({}),
      node({ cmp: 'eq', val: 'a' }),
      node({ cmp: 'eq', key: 'n' }),
      node({ cmp: 'eq', key: 'n', val: 'a', vals: ['a'] }),
      node({ cmp: 'eq', key: 'n', val: 'a', nodes: [leaf('eq', 'a')] }),
      node({ cmp: 'in', key: 'n' }),
      node({ cmp: 'in', key: 'n', val: 'a', vals: ['a'] }),
      node({ cmp: 'ex', key: 'n', val: 'a' }),
      node({ cmp: 'regex', key: 'n', val: 'a' }),
      leaf('lt', 'ten'),
      leaf('constructor', 'a'),
      op('and'),
      op('or'),
      op('not'),
      op('not', leaf('eq', 'a'), leaf('eq', 'b')),
      op('xor', leaf('eq', 'a')),
      op('and', op('or', leaf('eq', ''))),
    ]) {
      assert.equal(kindOf(bad), 'invalid', JSON.stringify(bad));
    }
    let deep = leaf('eq', 'a');
    for (let depth = 1; depth < 16; depth++) deep = op('not', deep);
    assert.equal(kindOf(deep), 'fine');
    assert.equal(kindOf(op('not', deep)), 'too-large');
    const many = (count: number): FilterNode => op('or', ...Array.from({ length: count }, () => leaf('eq', 'a')));
    assert.equal(kindOf(many(255)), 'fine');
    assert.equal(kindOf(many(256)), 'too-large');
    assert.equal(kindOf(leaf('eq', 'é'.repeat(2_047))), 'fine');
    assert.equal(kindOf(leaf('eq', 'é'.repeat(2_048))), 'too-large');
    assert.equal(kindOf(list('in', ...Array.from({ length: 257 }, () => ''))), 'too-large');
  });

  test('whatever its form, a filter holds for the same', () => {
    const value = fc.constantFrom('a', 'b', 'ab', '1', '2.5');
    const anyLeaf: fc.Arbitrary<FilterNode> = fc.oneof(
      fc.tuple(fc.constantFrom('eq', 'neq', 'sw', 'ew', 'ct'), value).map(([cmp, val]) => leaf(cmp, val)),
      fc.tuple(fc.constantFrom('lt', 'gte'), fc.constantFrom('1', '2.5')).map(([cmp, val]) => leaf(cmp, val)),
      fc.array(value, { minLength: 1, maxLength: 3 }).map((vals) => list('nin', ...vals)),
    );
    const { tree } = fc.letrec<{ tree: FilterNode }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        anyLeaf,
        fc
          .tuple(fc.constantFrom('and', 'or'), fc.array(tie('tree'), { minLength: 1, maxLength: 3 }))
          .map(([name, nodes]) => op(name, ...nodes)),
        tie('tree').map((inner) => op('not', inner)),
      ),
    }));
    const holds = (filter: FilterNode, of: Map<string, string>): boolean => {
      if (filter.op === 'and') return filter.nodes.every((each) => holds(each, of));
      if (filter.op === 'or') return filter.nodes.some((each) => holds(each, of));
      if (filter.op === 'not') return !holds(filter.nodes[0] as FilterNode, of);
      return compileFilter(filter).matches(of);
    };
    const shuffled = (filter: FilterNode): FilterNode => ({
      ...filter,
      vals: [...filter.vals].reverse(),
      nodes: [...filter.nodes, ...(filter.op === 'not' ? [] : filter.nodes)].reverse().map(shuffled),
    });
    fc.assert(
      fc.property(tree, fc.option(value, { nil: undefined }), (filter, of) => {
        const compiled = compileFilter(filter);
        assert.equal(compiled.matches(tags(of)), holds(filter, tags(of)));
        const same = shuffled(filter);
        if (kindOf(same) === 'fine') assert.equal(compileFilter(same).canonical, compiled.canonical);
      }),
      { numRuns: 1_000 },
    );
  });
});
