import { propagation, type Attributes, type Context } from '@opentelemetry/api';

/** The key by which telemetry names an incident: as an attribute of spans, logs and resources, and as a baggage entry. */
export const INCIDENT_ID = 'incident.id';

/** Attributes that key telemetry to an incident, for a resource or a span. `ref` is the incident's ref (`INC-42`) or id. */
export function incidentAttributes(ref: string): Attributes {
  return { [INCIDENT_ID]: ref };
}

/** `context` with the incident in its baggage, which propagators carry to tools and MCP servers. */
export function withIncident(context: Context, ref: string): Context {
  const baggage = propagation.getBaggage(context) ?? propagation.createBaggage();
  return propagation.setBaggage(context, baggage.setEntry(INCIDENT_ID, { value: ref }));
}

/**
 * A span processor that marks every span with the incident it is started for: the one in the context's baggage, else
 * `ref`. Without either, spans stay as they are. Add it to the tracer provider before the exporting one.
 */
export function createIncidentSpanProcessor(ref?: string) {
  return {
    onStart(span: { setAttribute(key: string, value: string): unknown }, parentContext: Context): void {
      const incident = propagation.getBaggage(parentContext)?.getEntry(INCIDENT_ID)?.value ?? ref;
      if (incident !== undefined && incident !== '') span.setAttribute(INCIDENT_ID, incident);
    },
    onEnd(): void {},
    async forceFlush(): Promise<void> {},
    async shutdown(): Promise<void> {},
  };
}
