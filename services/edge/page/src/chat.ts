import { ChatApp } from './chat-app.ts';
import { byId, setText } from './dom.ts';
import { requireSdk } from './sdk.ts';

try {
  requireSdk();
  new ChatApp().start();
} catch (error) {
  // Whoever looks at a page that stays empty must learn why.
  setText(byId('banner-detail', HTMLElement), error instanceof Error ? error.message : String(error));
  byId('banner', HTMLElement).hidden = false;
  throw error;
}
