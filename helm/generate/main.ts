// Writes what of the chart is generated: values.schema.json, files/services.json and the table of values in README.md.
//   node --conditions=source --import tsx helm/generate/main.ts
import { writeFileSync } from 'node:fs';
import { generated } from './generated.ts';

for (const { path, content } of generated()) writeFileSync(path, content);
