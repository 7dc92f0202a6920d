/** Failures after which the rest is not tried: so many mean that the store is away. */
const FAILURES_MAX = 8;

/**
 * Works on one incident after the other, whatever becomes of the others: a log that cannot be read is one incident's trouble.
 * Throws the first failure when it is through, or at the eighth.
 */
export async function eachIncident<Incident>(
  incidents: Iterable<Incident>,
  work: (incident: Incident) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  for (const incident of incidents) {
    try {
      await work(incident);
    } catch (error) {
      failures.push(error);
      if (failures.length === FAILURES_MAX) break;
    }
  }
  if (failures.length > 0) throw failures[0];
}
