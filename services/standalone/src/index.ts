export { main, type StandaloneConfig, standaloneConfigSchema } from './main.ts';
