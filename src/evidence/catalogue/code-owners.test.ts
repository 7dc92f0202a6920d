import { expect, test } from 'vitest';
import { codeOwners } from './code-owners.ts';

const owners = (text: string): Record<string, readonly string[]> => Object.fromEntries(codeOwners(text));

test('folders belong to who is named beside them, comments and patterns of files aside', () => {
  expect(
    owners(`# who owns what
*                   @platform
*.sql               @data
/services/cart/     @team-cart cart@example.com # for now
apps/inventory/**   @inventory
search              @search
/docs/README.md     @docs
`),
  ).toEqual({
    cart: ['@team-cart', 'cart@example.com'],
    inventory: ['@inventory'],
    search: ['@search'],
  });
});

test('the last rule that matches decides, also one for a folder around it', () => {
  expect(owners('/services/cart/ @a\n/services/cart/ @b')).toEqual({ cart: ['@b'] });
  expect(owners('/services/cart/ @cart\n/services/ @platform')).toEqual({
    cart: ['@platform'],
    services: ['@platform'],
  });
  expect(owners('/services/ @platform\n/services/cart/ @cart')).toMatchObject({ cart: ['@cart'] });
  expect(owners('/services/cart/ @cart\n* @all')).toEqual({ cart: ['@all'] });
  expect(owners('/services/cart/ @cart\n/other/ @x\ncart/ @y')).toMatchObject({ cart: ['@y'] });
});

test('a rule without owners takes them away', () => {
  expect(owners('/services/ @platform\n/services/legacy/')).toEqual({ services: ['@platform'], legacy: [] });
});

test('sections have owners of their own, and add to those of other sections', () => {
  expect(
    owners(`/services/ledger/ @ledger
[Payments][2] @payments
/services/ledger/
/services/fees/ @fees
^[Optional]
/services/fees/ @audit
`),
  ).toEqual({ ledger: ['@ledger', '@payments'], fees: ['@fees', '@audit'] });
});

test('a long file is read in no time that depends on its rules squared', () => {
  const text = Array.from({ length: 10_000 }, (_, at) => `/services/s${at}/a/b/c/d @team-${at}`).join('\n');
  expect(codeOwners(text).get('d')).toEqual(['@team-9999']);
});

test('endings that say what a folder holds are left off, however many there are', () => {
  const owners = codeOwners(`/cart${'/*'.repeat(1_000)}/**${'/'.repeat(1_000)} @shop`);
  expect(owners).toEqual(new Map([['cart', ['@shop']]]));
});
