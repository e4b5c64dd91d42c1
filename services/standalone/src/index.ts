export { main, type StandaloneConfig, standaloneConfigSchema, standalonePreset } from './main.ts';
