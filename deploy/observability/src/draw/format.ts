const steps = ['', 'k', 'M', 'G', 'T'];

/** A value in a unit of Grafana's, as short as an axis wants it. */
export function formatted(value: number, unit: string): string {
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  switch (unit) {
    case 's':
      return seconds(value);
    case 'bytes':
      return scaled(value, 1_024, 'iB', 'B').replace('kiB', 'KiB');
    case 'Bps':
      return `${scaled(value, 1_000, 'B', 'B')}/s`;
    case 'percentunit':
      return `${short(value * 100)} %`;
    case 'cps':
    case 'ops':
      return `${scaled(value, 1_000, '', '')}/s`;
    default:
      return scaled(value, 1_000, '', '');
  }
}

function seconds(value: number): string {
  const size = Math.abs(value);
  if (size >= 60) return `${short(value / 60)} min`;
  if (size >= 1 || size === 0) return `${short(value)} s`;
  return size >= 0.001 ? `${short(value * 1_000)} ms` : `${short(value * 1_000_000)} µs`;
}

function scaled(value: number, base: number, suffix: string, plain: string): string {
  let scale = 0;
  let rest = value;
  for (; Math.abs(rest) >= base && scale < steps.length - 1; scale++) rest /= base;
  const unit = scale === 0 ? plain : `${steps[scale] ?? ''}${suffix}`;
  return unit === '' ? short(rest) : `${short(rest)} ${unit}`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
