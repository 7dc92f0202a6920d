import { alertRecordFields, isAlertRecord } from '../alerts/alert-record.ts';
import { text } from '../attribute.ts';
import { contents, recognised, type Dialect } from '../recognised.ts';

/** Alerts sent as log records: event names `alert.firing`, `alert.resolved` and the like, with `alert.*` attributes. */
export const alert: Dialect = {
  name: 'alert',
  recognise(record) {
    if (record.signal !== 'logs' || !isAlertRecord(record)) return undefined;
    const { resolved, rule, entity, fingerprint } = alertRecordFields(record);
    return recognised('alert', {
      kind: 'alert',
      operation: resolved ? 'Resolved:' : 'Firing:',
      // Who raises it, and what tells it from the next one.
      agentName: text(record.resource.attributes, 'service.name'),
      agentId: fingerprint,
      outcome: resolved ? 'ok' : 'error',
      content: contents({ body: record.body }),
      detail: [rule, rule.includes(entity) ? '' : entity].filter((part) => part !== '').join(' '),
    });
  },
};
