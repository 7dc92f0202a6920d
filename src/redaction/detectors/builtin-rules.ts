import type { DetectorRule } from './rule.ts';
import { artificialIntelligenceRules } from './rules/artificial-intelligence.ts';
import { cloudRules } from './rules/cloud.ts';
import { communicationRules } from './rules/communication.ts';
import { credentialRules } from './rules/credentials.ts';
import { monitoringAndDataRules } from './rules/monitoring-and-data.ts';
import { paymentAndCommerceRules } from './rules/payment-and-commerce.ts';
import { vendorContextRules } from './rules/vendor-context.ts';
import { personalRules } from './rules/personal.ts';
import { sourceAndDeliveryRules } from './rules/source-and-delivery.ts';

/** Every rule Docket ships. */
export const builtinRules: readonly DetectorRule[] = [
  ...credentialRules,
  ...artificialIntelligenceRules,
  ...cloudRules,
  ...sourceAndDeliveryRules,
  ...communicationRules,
  ...paymentAndCommerceRules,
  ...monitoringAndDataRules,
  ...personalRules,
  ...vendorContextRules,
];
