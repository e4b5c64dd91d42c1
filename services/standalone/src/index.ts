export { main, standalonePreset } from './main.ts';
