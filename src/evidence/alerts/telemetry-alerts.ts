import type { EvidenceRow } from '../../record/evidence.ts';
import type { Alert } from './alert.ts';

/** Takes alerts that came as log records. */
export interface TelemetryAlerts {
  /**
   * Opens or feeds an incident with the alert, as a webhook's does, and files its row there. The row is stored already, unfiled or
   * under what it names; `alert.startedAt` null means the row's time. Taking it again changes nothing. One that was old when it came
   * is history: it opens nothing, and neither does one that names an incident nobody has opened yet. One that the rules
   * of the record refuse is counted, and its row stays as it is. Throws when the store fails.
   */
  take(alert: Alert, row: EvidenceRow): Promise<void>;
}
