import { expect, test } from 'vitest';
import { sqlTier, toolTier } from './tool-tier.ts';

test.each([
  ['kubectl get pods -n shop && kubectl logs deploy/x | tail -5', 'read', 'get'],
  ['kubectl -n shop rollout restart deploy/x', 'mutate', 'rollout restart'],
  ['kubectl rollout status deploy/x', 'read', 'rollout status'],
  ['kubectl rollout undo deploy/x', 'mutate', 'rollout undo'],
  ['kubectl get pods; kubectl delete pod x', 'mutate', 'delete'],
  ['echo "$(kubectl scale deploy/x --replicas=3)"', 'mutate', 'scale'],
  ['helm rollback x 3', 'mutate', 'rollback'],
  ['helm history x', 'read', 'history'],
  ['terraform apply -auto-approve', 'mutate', 'apply'],
  ['terraform plan', 'read', 'plan'],
  ['bash -lc "kubectl patch svc x -p {}"', 'mutate', 'patch'],
  ['curl -X DELETE http://x', 'mutate', 'delete'],
  ['curl -s http://x | jq .', 'read', 'get'],
  ['cat a > /etc/hosts', 'mutate', 'write'],
  ['cat a 2>/dev/null', 'read', 'read'],
  ['kubectl exec pod -- cat /etc/hosts', 'read', 'exec'],
  ['aws ec2 terminate-instances --instance-ids i-1', 'mutate', 'terminate'],
  ['./fix-everything', 'unknown', undefined],
  ["echo 'kubectl delete pod x'", 'read', 'read'],
] as const)('the shell command %s is %s', (command, tier, verb) => {
  expect(toolTier('exec_command', [{ cmd: command }])).toMatchObject({ tier, ...(verb !== undefined && { verb }) });
});

test.each([
  ['SELECT * FROM spans', 'read'],
  ["SELECT 'delete from x'", 'read'],
  ['WITH gone AS (DELETE FROM x RETURNING *) SELECT * FROM gone', 'mutate'],
  ['UPDATE x SET y = 1', 'mutate'],
  ['DROP TABLE x', 'mutate'],
] as const)('the statement %s is %s', (sql, tier) => {
  expect(sqlTier(sql).tier).toBe(tier);
});

test.each([
  ['query_logs', 'read'],
  ['mcp__k8s__getPods', 'read'],
  ['rollback_deployment', 'mutate'],
  ['get_or_create_ticket', 'mutate'],
  ['propose_hypothesis', 'write_record'],
  ['frobnicate', 'unknown'],
  ['', 'unknown'],
] as const)('the tool named %s is %s', (name, tier) => {
  expect(toolTier(name, []).tier).toBe(tier);
});
