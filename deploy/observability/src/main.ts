// `npm run dashboards`: writes the dashboards and rules into the chart.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { generatedFiles } from './generated.ts';

const target = new URL('../../../helm/pharos/files/', import.meta.url);

for (const [name, text] of generatedFiles()) {
  const path = fileURLToPath(new URL(name, target));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
