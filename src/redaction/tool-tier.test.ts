import { expect, test } from 'vitest';
import { sqlTier } from './sql-tier.ts';
import { toolTier } from './tool-tier.ts';

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
  ['kubectl port-forward -n shop svc/x 8080:80', 'read', 'port-forward'],
  ['kubectl get pods -o yaml > /tmp/pods.yaml', 'read', 'get'],
  ['kubectl get pods -o yaml > /tmp/../etc/pods.yaml', 'mutate', 'write'],
  ['git clone https://example.com/x.git', 'read', 'clone'],
  ['curl -s -XPOST http://logs:9200/app-*/_search -d \'{"size": 1}\'', 'read', 'post'],
  ['curl -XPOST http://logs:9200/app/_delete_by_query -d {}', 'mutate', 'post'],
  ['curl -XDELETE http://logs:9200/app/_search', 'mutate', 'delete'],
  ['curl http://prometheus:9090/api/v1/query_range --data-urlencode query=up', 'read', 'post'],
  ['bash -lc "echo x > /etc/hosts"', 'mutate', 'write'],
  ['find /var/log -name "*.log" -exec grep -l timeout {} +', 'read', 'find'],
  ['find . -name x -exec sh -c "rm {}" \\;', 'mutate', 'execute'],
  ['find /tmp -mtime +3 -delete', 'mutate', 'delete'],
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
  ['execute_python', 'unknown'],
  ['code_interpreter', 'unknown'],
  ['exec_command', 'unknown'],
  ['run_query', 'read'],
  ['run_sql_query', 'unknown'],
  ['execute_promql', 'read'],
  ['run_and_delete', 'mutate'],
  ['execute_rollback', 'mutate'],
  ['', 'unknown'],
] as const)('the tool named %s is %s', (name, tier) => {
  expect(toolTier(name, []).tier).toBe(tier);
});

test.each([
  [{ session_id: 1, yield_time_ms: 1000 }, 'read'],
  [{ session_id: 1, chars: '' }, 'read'],
  [{ session_id: 1, chars: 'kubectl delete pod x\n' }, 'mutate'],
  [{ session_id: 1, chars: 'y\n' }, 'unknown'],
] as const)('typing %j into a command that runs is %s', (call, tier) => {
  expect(toolTier('write_stdin', [call]).tier).toBe(tier);
});

test('typing into a command of which the arguments were not recorded is unknown', () => {
  expect(toolTier('write_stdin', []).tier).toBe('unknown');
});
