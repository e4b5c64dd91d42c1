export { main, standaloneConfigSchema, standalonePreset } from './main.ts';
