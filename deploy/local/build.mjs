// `npm run build:src`: what runs in production, without tests and load tests.
import { prepare } from './prepare.mjs';

prepare({ build: 'src' });
