import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launchChromium, unavailable } from '@pharos/testkit';

test('Chromium runs a page', { skip: unavailable('chromium'), timeout: 60_000 }, async () => {
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    await page.setContent('<title>Pharos</title><p id="x"></p><script>x.textContent = 6 * 7</script>');
    assert.equal(await page.title(), 'Pharos');
    assert.equal(await page.textContent('#x'), '42');
  } finally {
    await browser.close();
  }
});
