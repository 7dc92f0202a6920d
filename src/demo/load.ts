/** Checkouts against the storefront, as shoppers make them, and what came of the last ones. */
export interface Load {
  /** Of the checkouts that ended within the last `seconds`: how many, how many failed. */
  window(seconds: number): { readonly requests: number; readonly failures: number };
  close(): Promise<void>;
}

/** What shoppers pay with, as often as they do. */
const CURRENCIES = ['EUR', 'EUR', 'EUR', 'USD', 'USD', 'JPY', 'JPY', 'BHD'] as const;

/** Starts `shoppers` concurrent shoppers who check out, pause, and check out again until closed. */
export function startLoad(storefront: string, shoppers: number): Load {
  const ended: { readonly at: number; readonly failed: boolean }[] = [];
  let open = true;
  const shop = async (first: number): Promise<void> => {
    for (let turn = first; open; turn += shoppers) {
      const currency = CURRENCIES[turn % CURRENCIES.length];
      let failed = true;
      try {
        const response = await fetch(`${storefront}/checkout`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ sku: `sku-${turn % 40}`, currency, amount: 10 + (turn % 90) }),
          signal: AbortSignal.timeout(5_000),
        });
        await response.arrayBuffer();
        failed = !response.ok;
      } catch {
        // A storefront that does not answer is a failed checkout too.
      }
      ended.push({ at: Date.now(), failed });
      if (ended.length > 5_000) ended.shift();
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
  };
  const all = Promise.all(Array.from({ length: shoppers }, (_, index) => shop(index)));
  return {
    window(seconds) {
      const since = Date.now() - seconds * 1_000;
      const recent = ended.filter((each) => each.at >= since);
      return { requests: recent.length, failures: recent.filter((each) => each.failed).length };
    },
    async close() {
      open = false;
      await all;
    },
  };
}
