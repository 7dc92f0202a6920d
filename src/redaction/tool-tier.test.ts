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
  // Options of programs that run others.
  ['kubectl get pods -o name | xargs -I {} kubectl delete {}', 'mutate', 'delete'],
  ['sudo -u postgres psql -c "DROP TABLE x"', 'mutate', 'drop'],
  ['sudo -n -- systemctl status nginx', 'read', 'status'],
  ['env -u FOO KUBECONFIG=/x kubectl delete pod y', 'mutate', 'delete'],
  ['timeout -s KILL 10 kubectl delete pod y', 'mutate', 'delete'],
  ['ssh -i key.pem -p 2222 ops@host sudo systemctl restart nginx', 'mutate', 'restart'],
  ['ssh ops@host "kubectl get pods; kubectl delete pod x"', 'mutate', 'delete'],
  ['ssh ops@host uptime', 'read', 'read'],
  ['ssh ops@host', 'unknown', undefined],
  ['eval "kubectl delete pod x"', 'mutate', 'delete'],
  ['source deploy.sh', 'unknown', undefined],
  ['awk \'BEGIN{system("rm -rf /")}\'', 'unknown', undefined],
  ['docker exec -u root db cat /etc/hosts', 'read', 'exec'],
  ['docker exec -it db rm -rf /data', 'mutate', 'exec'],
  ['docker compose up -d', 'mutate', 'up'],
  // What a line gives a command to read.
  ['bash <<EOF\nkubectl delete pod x\nEOF', 'mutate', 'delete'],
  ['cat <<EOF > /tmp/notes\nkubectl delete pod x\nEOF', 'read', 'read'],
  ['cat <<EOF\n$(kubectl delete pod x)\nEOF', 'mutate', 'delete'],
  ["cat <<'EOF'\n$(kubectl delete pod x)\nEOF\nkubectl get pods", 'read', 'get'],
  ['psql -h db <<EOF\nDROP TABLE x;\nEOF', 'mutate', 'drop'],
  ['psql -h db <<< "SELECT 1"', 'read', 'select'],
  ['cat <<EOF | kubectl apply -f -\nkind: Pod\nEOF', 'mutate', 'apply'],
  // One-letter options of curl stand together.
  ['curl -sX DELETE http://x', 'mutate', 'delete'],
  ['curl -sXDELETE http://x', 'mutate', 'delete'],
  ['curl -sd 1 http://x', 'mutate', 'post'],
  ['curl -G https://prometheus/x -d q=1', 'read', 'get'],
  ['gh api -X POST repos/x', 'mutate', 'post'],
  ['gh run list', 'read', 'run list'],
  // Groups of cloud commands that are named like verbs.
  ['gcloud run services list', 'read', 'list'],
  ['gcloud run deploy x --image y', 'mutate', 'deploy'],
  ['aws deploy list-deployments', 'read', 'list'],
  ['aws logs start-query --x', 'read', 'start'],
  ['aws route53 change-resource-record-sets --x', 'mutate', 'change'],
  ['aws s3 ls s3://delete-me', 'read', 'ls'],
  ['aws ec2 run-instances --dry-run', 'read', 'run'],
  ['az vm deallocate -n x', 'mutate', 'deallocate'],
  ['redis-cli -h r FLUSHALL', 'mutate', 'flushall'],
  ['redis-cli config set maxmemory 1', 'mutate', 'config set'],
  ['mysql --execute="KILL 5"', 'mutate', undefined],
  ['psql -c "SELECT pg_terminate_backend(1)"', 'mutate', 'select'],
  ['kubectl get pods | tee /tmp/x', 'read', 'get'],
  ['service nginx status', 'read', 'read'],
  ['crontab -l', 'read', 'read'],
  ['journalctl --vacuum-size=1G', 'mutate', undefined],
] as const)('the shell command %s is %s', (command, tier, verb) => {
  expect(toolTier('exec_command', [{ cmd: command }])).toMatchObject({ tier, ...(verb !== undefined && { verb }) });
});

test.each([
  ['SELECT * FROM spans', 'read'],
  ["SELECT 'delete from x'", 'read'],
  ['WITH gone AS (DELETE FROM x RETURNING *) SELECT * FROM gone', 'mutate'],
  ['UPDATE x SET y = 1', 'mutate'],
  ['DROP TABLE x', 'mutate'],
  ['SHOW CREATE TABLE x', 'read'],
  ['EXPLAIN UPDATE x SET y = 1', 'read'],
  ['EXPLAIN (ANALYZE) UPDATE x SET y = 1', 'mutate'],
  ['-- drop table x\nSELECT 1', 'read'],
  ['SELECT "drop table" FROM x', 'read'],
  ['SELECT $$ drop table x $$', 'read'],
  ['BEGIN; SELECT 1; COMMIT', 'read'],
  ['SELECT 1; DROP TABLE x', 'mutate'],
  ['SELECT * INTO y FROM x', 'mutate'],
  ['WITH a AS (SELECT 1) UPDATE shop.x AS o SET y = 1', 'mutate'],
  ['SELECT pg_terminate_backend(pid) FROM pg_stat_activity', 'mutate'],
  ['SET GLOBAL max_connections = 1', 'mutate'],
  ["SELECT 'it\\'s', 'drop table x'", 'read'],
  ['SELECT $a$ drop table x $a$, [drop table] FROM x', 'read'],
  ['SELECT 1 /* drop table x', 'read'],
  ["SELECT 1; DROP TABLE x; SELECT 'never closed", 'mutate'],
  ['', 'unknown'],
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
  ['get_release_status', 'read'],
  ['list_merge_requests', 'read'],
  ['list_prometheus_label_names', 'read'],
  ['TodoWrite', 'write_record'],
  ['update_plan', 'write_record'],
  ['terraform_plan', 'read'],
  ['terraform_destroy', 'mutate'],
  ['helm_history', 'read'],
  ['pods_delete', 'mutate'],
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

test.each([
  ['local_shell', { action: { command: ['bash', '-lc', 'rm -rf /x'] } }, 'mutate'],
  ['run_query_tool', { kwargs: { sql: 'DELETE FROM x' } }, 'mutate'],
  ['fetch', { url: 'http://x', options: { method: 'DELETE' } }, 'mutate'],
  ['http_request', { method: 'POST', url: 'http://es:9200/_search' }, 'read'],
  ['kubectl_generic', { command: 'rollout', subCommand: 'undo' }, 'mutate'],
  ['kubectl_rollout', { subCommand: 'restart' }, 'mutate'],
  ['run_process', { command: 'kubectl', args: ['delete', 'pod', 'x'] }, 'mutate'],
  ['run_process', { command: 'kubectl', args: ['get', 'pods'] }, 'read'],
  ['run_process', { program: 'bash', arguments: ['-c', 'kubectl get pods; rm -rf /x'] }, 'mutate'],
  ['run_process', { command: 'ls', args: ['-la', 'with space'] }, 'read'],
  ['call_aws', { cli_command: 'aws ec2 terminate-instances' }, 'mutate'],
  ['use_aws', { service_name: 'ec2', operation_name: 'describe_instances' }, 'read'],
  ['use_aws', { service_name: 'ec2', operation_name: 'TerminateInstances' }, 'mutate'],
  ['query_prometheus', { query: 'set of things' }, 'read'],
] as const)('the tool %s given %j is %s', (name, call, tier) => {
  expect(toolTier(name, [call]).tier).toBe(tier);
});

test.each([
  ['frobnicate', 'read', 'read', 'mcp.annotations'],
  ['frobnicate', 'mutate', 'mutate', 'mcp.annotations'],
  ['get_pods', 'mutate', 'mutate', 'mcp.annotations'],
  ['get_pods', 'read', 'read', 'name.verb'],
  ['delete_pod', 'read', 'mutate', 'name.verb'],
] as const)('the tool %s that its server calls %s is %s by %s', (name, hint, tier, rule) => {
  expect(toolTier(name, [], hint)).toMatchObject({ tier, rule });
});

test('what the arguments do outweighs what the server says of the tool', () => {
  expect(toolTier('bash', [{ command: 'kubectl delete pod x' }], 'read').tier).toBe('mutate');
});
