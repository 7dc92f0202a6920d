import { text } from '../attribute.ts';
import { contents, recognised, type Dialect } from '../recognised.ts';

/** Alerts sent as log records: event names `alert.firing`, `alert.resolved` and the like, with `alert.*` attributes. */
export const alert: Dialect = {
  name: 'alert',
  recognise(record) {
    if (record.signal !== 'logs' || !record.eventName.startsWith('alert.')) return undefined;
    const { attributes } = record;
    const resolved = /resolve|recover|ok$|clear/.test(record.eventName);
    const rule = text(attributes, 'alert.rule_name', 'alert.rule.name', 'alert.name', 'alertname', 'alert.rule_id');
    const entity = text(attributes, 'alert.entity_name', 'alert.entity.name', 'service.name');
    return recognised('alert', {
      kind: 'alert',
      operation: resolved ? 'Resolved:' : 'Firing:',
      // Who raises it, and what tells it from the next one.
      agentName: text(record.resource.attributes, 'service.name'),
      agentId:
        text(attributes, 'alert.event_id', 'alert.fingerprint', 'alert.id', 'fingerprint') ||
        [text(attributes, 'alert.rule_id'), rule, entity].filter((part) => part !== '').join(' '),
      outcome: resolved ? 'ok' : 'error',
      content: contents({ body: record.body }),
      detail: [rule, rule.includes(entity) ? '' : entity].filter((part) => part !== '').join(' '),
    });
  },
};
