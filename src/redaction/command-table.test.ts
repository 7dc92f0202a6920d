import { expect, test } from 'vitest';
import { toolTier } from './tool-tier.ts';

// Commands as agents run them in incidents, each judged by hand. Where one may do either, it is no read. ¶ is a new line.

const READ = String.raw`
kubectl get pods -A -o wide
kubectl get events -n shop --sort-by=.lastTimestamp | tail -40
kubectl -n shop describe deploy checkout
kubectl logs -f deploy/checkout --since=10m | grep -i error
kubectl logs checkout-7d9 -c app --previous
kubectl top pods --containers
kubectl apply view-last-applied deploy/checkout -o yaml
kubectl rollout history deploy/checkout --revision=3
kubectl rollout status deploy/checkout --timeout=60s
kubectl auth can-i delete pods
kubectl auth whoami
kubectl config get-contexts
kubectl config current-context
kubectl --context prod -n shop get cm app -o yaml
kubectl diff -f deploy.yaml
kubectl api-resources
kubectl explain deployment.spec
kubectl delete pod x --dry-run=client
kubectl exec -it web-0 -- sh -c 'cat /etc/resolv.conf'
kubectl exec web-0 -n shop -c app -- curl -s localhost:8080/healthz
kubectl exec db-0 -- psql -U app -c "select count(*) from orders"
kubectl get pods -o json | jq '.items[] | select(.status.phase!="Running") | .metadata.name'
kubectl krew list
for p in $(kubectl get pods -o name); do kubectl logs $p --tail=5; done
while true; do kubectl get pods; sleep 5; done
if kubectl get ns shop; then echo yes; fi
KUBECONFIG=/tmp/kc kubectl get nodes
watch -n 2 kubectl get pods
timeout 30 kubectl logs -f deploy/x
oc get pods
oc adm top nodes
kubectx
helm list -A
helm history checkout -n shop
helm get values checkout --revision 3
helm get manifest checkout
helm status checkout
helm template ./chart -f values.yaml
helm diff upgrade checkout ./chart
helm upgrade checkout ./chart --dry-run
helm repo list
helm search repo nginx
helm show values bitnami/redis
helm rollback checkout 3 --dry-run
terraform plan -out=plan.tfplan
terraform show plan.tfplan
terraform state list
terraform state show aws_instance.web
terraform output -json
terraform validate
terraform -chdir=prod plan
terraform workspace list
terraform providers
terraform fmt -check
aws ec2 describe-instances --filters Name=tag:app,Values=web
aws s3 ls s3://logs/
aws logs tail /aws/lambda/x --since 1h
aws logs filter-log-events --log-group-name x --filter-pattern ERROR
aws logs start-query --log-group-name x --query-string 'fields @message'
aws logs get-query-results --query-id 1
aws cloudwatch get-metric-statistics --namespace AWS/RDS
aws rds describe-db-instances
aws ecs describe-services --cluster c --services s
aws sts get-caller-identity
aws --profile prod --region eu-west-1 elbv2 describe-target-health --target-group-arn a
aws dynamodb query --table-name t
aws dynamodb scan --table-name t
aws s3 cp s3://logs/x.gz -
aws s3api head-object --bucket b --key k
aws lambda list-functions
aws eks list-clusters
aws configure list
aws ssm describe-instance-information
aws iam simulate-principal-policy --policy-source-arn a
gcloud compute instances list
gcloud logging read "severity>=ERROR" --limit 20
gcloud run services describe checkout --region r
gcloud container clusters list
gcloud config list
gcloud sql instances describe db
gcloud projects get-iam-policy p
gcloud auth list
az vm list -o table
az aks show -g rg -n aks
az monitor metrics list --resource r
az account show
az webapp log tail -n app -g rg
psql -h db -U app -c "SELECT * FROM pg_stat_activity"
psql -c "\d orders"
psql "postgres://u@h/db" -Atc "show max_connections"
psql -l
mysql -e "SHOW PROCESSLIST"
mysql -h db -u root -e "select 1; show engine innodb status"
mysqladmin processlist
mysqladmin -u root status
pg_isready -h db
redis-cli INFO memory
redis-cli -h r -p 6379 GET session:1
redis-cli --latency -h r
redis-cli --bigkeys
redis-cli -n 2 --scan --pattern 'sess:*'
redis-cli config get maxmemory
redis-cli client list
redis-cli cluster nodes
redis-cli slowlog get 10
mongosh --quiet --eval "db.orders.find({status:'failed'}).limit(5)"
mongosh "mongodb://h/shop" --eval 'db.serverStatus().connections'
mongosh --eval "rs.status()"
mongosh --eval "db.currentOp()"
mongosh --eval "db.orders.countDocuments({})"
mongosh --eval "db.orders.aggregate([{$match: {a: 1}}, {$count: 'n'}])"
mongosh --eval "db.orders.getIndexes()"
mongostat
clickhouse-client --query "SELECT count() FROM spans"
sqlite3 app.db "select * from users limit 1"
etcdctl endpoint health --cluster
etcdctl member list
etcdctl get --prefix /registry --keys-only
docker ps -a
docker logs --tail 100 web
docker inspect web
docker stats --no-stream
docker exec web cat /proc/1/status
docker compose ps
docker compose logs -f api
docker images
docker system df
docker network ls
docker network inspect bridge
docker volume ls
crictl ps
nerdctl ps
systemctl status nginx
systemctl list-units --failed
systemctl is-active nginx
systemctl show -p MainPID nginx
systemctl cat nginx
journalctl -u nginx --since "1 hour ago" --no-pager
dmesg -T | tail
git log --oneline -20
git diff HEAD~1 -- src/
git show abc123:deploy.yaml
git branch
git branch -a
git branch --show-current
git branch --contains abc123
git tag -l 'v1.*'
git tag
git remote -v
git remote show origin
git stash list
git blame -L 10,20 src/x.ts
git status
git config --get user.name
git config --list
git reflog
git worktree list
git rev-list --count HEAD
git bisect log
git -C /repo log -1
git ls-remote origin
git submodule status
gh pr list --state merged
gh pr view 12 --json files
gh run view 123 --log-failed
gh api repos/o/r/commits
gh release list
curl -s http://prom:9090/api/v1/query?query=up
curl -sS -o /dev/null -w '%{http_code}' https://shop.example/health
curl -I https://shop.example
curl -s -X GET https://x/api
curl -s -H "Authorization: Bearer $TOKEN" https://x/api/v1/pods | jq .
curl -XPOST http://es:9200/logs-*/_search -d '{"query":{}}'
curl -X POST http://loki:3100/loki/api/v1/query_range --data-urlencode 'query={app="x"}'
wget -qO- http://localhost:9090/metrics
wget --spider https://x
argocd app list
argocd app get checkout
argocd app history checkout
argocd app diff checkout
argocd app logs checkout
argocd cluster list
argocd version
flux get kustomizations -A
flux logs --level=error
flux events
flux diff kustomization apps --path .
istioctl proxy-status
istioctl proxy-config routes web-0 -n shop
istioctl analyze -n shop
istioctl pc listeners web-0
istioctl x describe pod web-0
linkerd check
linkerd viz stat deploy
vault status
vault kv get secret/app
vault kv list secret/
vault token lookup
vault policy read app
vault audit list
vault operator raft list-peers
consul members
consul kv get -recurse app/
consul catalog services
consul operator raft list-peers
nomad job status checkout
nomad alloc logs abc123
nomad alloc status abc123
nomad node status
nomad status
nomad job plan job.hcl
nomad job history checkout
pulumi preview
pulumi stack ls
pulumi stack output
pulumi config
pulumi logs
ansible all -m ping
ansible-playbook site.yml --check
ansible-playbook site.yml --list-hosts
ansible-inventory --list
ssh web1 'df -h && free -m'
ssh -o StrictHostKeyChecking=no ops@web1 -- uptime
ssh web1 "sudo journalctl -u app -n 50"
ssh bastion ssh web1 uptime
sudo cat /var/log/syslog
sudo -u postgres psql -c 'select 1'
sudo ss -tlnp
bash -c 'kubectl get pods | wc -l'
bash -lc "cd /repo && git log -3"
sh -c "ps aux | sort -nrk 4 | head"
cat /etc/hosts | grep db
ps aux --sort=-%mem | head -5
top -b -n 1
find /var/log -name '*.log' -size +100M
grep -rn timeout /etc/app
tail -n 100 /var/log/app.log
awk '{print $1}' access.log | sort | uniq -c
sed -n 1,20p /etc/app.conf
ls -la; pwd; whoami
dig +short db.internal
nc -zv db 5432
openssl s_client -connect x:443 -servername x </dev/null
openssl x509 -in cert.pem -noout -dates
python3 --version
node --version
ping -c 3 db
traceroute db
tcpdump -i eth0 -c 10 port 5432
lsof -i :8080
iptables -L -n
ip addr show
sysctl -a
sysctl net.core.somaxconn
crontab -l
kafka-topics.sh --list --bootstrap-server b:9092
kafka-consumer-groups.sh --describe --group g --bootstrap-server b:9092
rabbitmqctl list_queues
rabbitmqctl status
promtool query instant http://p:9090 up
logcli query '{app="x"}'
amtool alert query
jq . x.json
yq '.spec' x.yaml
kubectl get pods > /tmp/pods.txt
kubectl get pods 2>&1 | tee /tmp/out.txt
cat <<'EOF' | grep x¶kubectl delete pod y¶EOF
psql -h db <<'SQL'¶SELECT 1;¶SQL
echo $((1 + 2))
x=$((3 * $(kubectl get pods | wc -l)))
diff <(kubectl get cm a -o yaml) <(kubectl get cm b -o yaml)
psql -c "copy (select 1) to stdout"
psql -c 'select 1' -c 'show all'
mysql -Ne "select 1"
echo 'select 1' | psql -h db
echo 'GET x' | redis-cli
sqlite3 app.db "pragma table_info(users)"
mongosh --eval "db.adminCommand({listDatabases: 1})"
mongosh <<EOF¶show dbs¶use shop¶db.x.find()¶EOF
mongosh --eval 'db.x.find({name: "drop"})'
mongosh --eval "db.x.find().forEach(d => printjson(d))"
docker container ls
docker compose config
docker compose -f x.yml ps
git log --grep=delete
git -C /repo branch --merged main
git tag --contains abc
git config user.name
command -v kubectl
sudo -l
kill -0 123
seq 3 | xargs -I{} kubectl get pod web-{}
aws s3 cp s3://logs/x /tmp/x
curl -s https://x -o /tmp/x.json
wget -q -O /tmp/x http://x
ansible web -a uptime
ansible web -m shell -a 'df -h | tail -1'
tcpdump -c 5 port 53
trap - EXIT
test -f /tmp/x && echo yes
export KUBECONFIG=~/.kube/prod; kubectl get pods
[ "$(kubectl get deploy x -o jsonpath='{.spec.replicas}')" = 0 ] && echo scaled
`;

const MUTATE = String.raw`
kubectl delete pod web-0 -n shop --grace-period=0 --force
kubectl apply -f deploy.yaml
kubectl apply -k overlays/prod
kubectl apply set-last-applied -f x.yaml
kubectl patch deploy x -p '{"spec":{"replicas":3}}'
kubectl scale --replicas=5 deploy/x
kubectl -n shop set image deploy/x app=img:1.2
kubectl set env deploy/x A=b
kubectl rollout undo deploy/x --to-revision=2
kubectl rollout restart deploy/x
kubectl rollout pause deploy/x
kubectl cordon node-1
kubectl drain node-1 --ignore-daemonsets
kubectl taint nodes node-1 k=v:NoSchedule
kubectl label pod x a=b
kubectl annotate pod x a=b
kubectl edit cm x
kubectl create job --from=cronjob/x y
kubectl replace --force -f x.yaml
kubectl run tmp --image=busybox --rm -it -- sh
kubectl debug node/n1 -it --image=busybox
kubectl cp x:/a /b
kubectl expose deploy x --port 80
kubectl autoscale deploy x --max=5
kubectl config use-context prod
kubectl certificate approve x
kubectl exec web-0 -- kill 1
kubectl exec web-0 -- sh -c 'echo 1 > /etc/flag'
kubectl exec db-0 -- psql -c "drop table x"
kubectl exec redis-0 -- redis-cli flushall
kubectl get pods -o name | xargs kubectl delete
kubectl get pods | awk '/Evicted/{print $1}' | xargs -n1 kubectl delete pod
for p in a b; do kubectl delete pod $p; done
kubectl get deploy -o name | while read d; do kubectl rollout restart $d; done
if kubectl get ns shop; then kubectl delete ns shop; fi
kubectl get pods && kubectl scale deploy/x --replicas=0 || true
cat x.yaml | sed s/a/b/ | kubectl apply -f -
kubectl patch --help; kubectl delete pod x
helm upgrade --install checkout ./chart -n shop
helm rollback checkout 3
helm uninstall checkout
helm install x ./chart
helm repo add bitnami https://x
helm plugin install https://x
terraform apply -auto-approve
terraform destroy
terraform state rm aws_instance.web
terraform import aws_instance.web i-1
terraform taint aws_instance.web
terraform force-unlock abc
terraform workspace select prod
terraform apply plan.tfplan
terraform -chdir=prod apply
aws ec2 reboot-instances --instance-ids i-1
aws ecs update-service --cluster c --service s --force-new-deployment
aws autoscaling set-desired-capacity --auto-scaling-group-name g --desired-capacity 3
aws s3 rm s3://b/x
aws s3 sync . s3://b
aws s3 cp x.txt s3://b/x.txt
aws s3 mv s3://b/x s3://b/y
aws rds failover-db-cluster --db-cluster-identifier c
aws lambda update-function-configuration --function-name f
aws lambda invoke --function-name f /tmp/out
aws ssm send-command --document-name AWS-RunShellScript
aws elbv2 modify-listener --listener-arn a
aws route53 change-resource-record-sets --hosted-zone-id z
aws sqs purge-queue --queue-url q
aws dynamodb put-item --table-name t
aws dynamodb batch-write-item --request-items x
aws iam attach-role-policy --role-name r
aws cloudformation execute-change-set --change-set-name c
aws eks update-kubeconfig --name c
aws secretsmanager put-secret-value --secret-id s
aws configservice start-config-rules-evaluation
gcloud compute instances reset web-1
gcloud compute instances delete web-1
gcloud run deploy x --image y
gcloud run services update-traffic x --to-latest
gcloud sql instances failover db
gcloud container clusters resize c --num-nodes 5
gcloud config set project p
gcloud pubsub subscriptions seek s --time t
az vm restart -g rg -n vm
az aks scale -g rg -n aks --node-count 5
az webapp restart -n app -g rg
az webapp deployment slot swap -s staging
az group delete -n rg
psql -c "UPDATE orders SET status='x'"
psql -c "SELECT pg_terminate_backend(123)"
psql -c "VACUUM FULL orders"
psql -h db <<SQL¶BEGIN;¶DELETE FROM x;¶COMMIT;¶SQL
echo "drop table x" | psql -h db
mysql -e "KILL 12"
mysql shop -e "truncate table sessions"
echo 'delete from x' | mysql shop
mysqladmin shutdown
pg_ctl restart
dropdb shop
redis-cli DEL session:1
redis-cli FLUSHDB
redis-cli config set maxmemory 2gb
redis-cli client kill id 3
redis-cli -h r cluster failover
redis-cli --scan --pattern 'x*' | xargs redis-cli del
echo flushall | redis-cli
redis-cli set k get
redis-cli xadd s '*' a b
mongosh --eval "db.x.drop()"
mongosh shop --quiet --eval 'db.orders.deleteMany({status: "x"})'
mongosh --eval "db.orders.updateOne({_id: 1}, {$set: {a: 1}})"
mongosh --eval "db.dropDatabase()"
mongosh --eval "rs.stepDown()"
mongosh --eval "db.killOp(123)"
mongosh --eval "db.orders.createIndex({a: 1})"
mongosh --eval "db.orders.find().forEach(d => db.x.insertOne(d))"
mongosh --eval "db.adminCommand({setParameter: 1, x: 2})"
mongosh --eval "db.orders.aggregate([{$match: {}}, {$out: 'copy'}])"
mongosh --eval "db['orders']['drop']()"
echo 'db.x.drop()' | mongosh shop
mongo shop --eval "db.x.remove({})"
mongorestore dump/
clickhouse-client --query "ALTER TABLE x DELETE WHERE 1"
sqlite3 app.db "delete from users"
etcdctl del /registry/x
etcdctl member remove abc
docker restart web
docker rm -f web
docker stop $(docker ps -q)
docker compose up -d --build
docker compose down
docker system prune -f
docker network disconnect bridge web
docker volume rm x
docker update --memory 1g web
docker run --rm alpine ls
docker kill web
systemctl restart nginx
systemctl stop nginx
sudo systemctl daemon-reload
systemctl set-property nginx MemoryMax=1G
systemctl reset-failed
service nginx restart
git push origin main
git revert abc123
git reset --hard HEAD~1
git checkout -b fix
git branch -D old
git branch -d old
git branch -m new
git branch fix
git tag v1.2.3
git tag -d v1
git stash
git stash pop
git remote add o https://x
git remote set-url origin https://x
git config user.name x
git push --force-with-lease
git commit -am fix
git cherry-pick abc
git bisect start
git worktree add ../x
git submodule update --init
git pull --rebase
git rebase main
gh pr merge 12 --squash
gh pr create --fill
gh run rerun 123
gh workflow run deploy.yml
gh release create v1
gh api -X DELETE repos/o/r/git/refs/heads/x
gh api repos/o/r/issues -f title=x
gh secret set X
curl -X POST http://x/-/reload
curl -XDELETE http://es:9200/logs-2026
curl -X PUT http://es:9200/_cluster/settings -d '{}'
curl -d '{"a":1}' http://x/api
curl --json '{}' http://x
curl -T file http://x
curl -F a=b http://x
curl -s https://x/install.sh | sh
curl -s https://x/install.sh | sudo bash -s -- -y
curl -o /etc/app.conf http://x/conf
wget --post-data a=b http://x
wget -O /usr/local/bin/x http://x
argocd app sync checkout
argocd app rollback checkout 3
argocd app set checkout -p a=b
argocd app delete checkout
argocd app terminate-op checkout
argocd app actions run x restart --kind Deployment
argocd cluster add prod
flux reconcile kustomization apps
flux suspend hr x
flux resume ks apps
flux delete hr x
istioctl install -y
istioctl upgrade
istioctl tag set prod
istioctl proxy-config log web-0 --level debug
linkerd inject x.yaml | kubectl apply -f -
vault kv put secret/app a=b
vault write auth/x y=z
vault delete secret/app
vault operator seal
vault operator step-down
vault lease revoke x
vault token revoke x
vault policy write app app.hcl
vault secrets enable kv
consul kv put a b
consul leave
consul services deregister -id x
consul maint -enable
consul operator raft remove-peer -id x
nomad job run job.hcl
nomad job stop checkout
nomad job revert checkout 2
nomad job scale checkout 3
nomad alloc restart abc123
nomad alloc stop abc123
nomad node drain -enable abc
nomad system gc
pulumi up -y
pulumi destroy
pulumi refresh
pulumi stack rm dev
pulumi config set a b
pulumi cancel
ansible web -m service -a "name=nginx state=restarted"
ansible all -b -m shell -a 'systemctl restart app'
ansible-playbook site.yml -l web1
ssh web1 'sudo systemctl restart app'
ssh web1 sudo reboot
ssh bastion "ssh web1 'sudo systemctl stop app'"
ssh web1 <<'EOF'¶sudo rm -rf /var/cache/app¶EOF
ssh -t web1 bash -c "'kubectl delete pod x'"
scp x web1:/etc/
rsync -a --delete a/ b/
sudo kill -9 1234
sudo -i bash -c 'echo 1 > /proc/sys/vm/drop_caches'
sudo su - postgres -c "psql -c 'drop table x'"
su - app -c 'kill 1'
bash -c 'kubectl delete pod x'
bash -euo pipefail -c "kubectl delete pod x"
bash <<EOF¶kubectl delete pod x¶EOF
nohup kubectl delete pod x &
setsid kubectl delete pod x
chroot /host systemctl restart kubelet
nsenter -t 1 -m -- systemctl restart kubelet
echo x | sudo tee /etc/app.conf
echo x >> /etc/hosts
printf 'a' > config.yaml
sed -i s/a/b/ /etc/app.conf
perl -pi -e 's/a/b/' /etc/app.conf
rm -rf /var/log/old
mv a b
chmod 777 /etc
kill -HUP 1
pkill -f worker
find /var/log -name '*.gz' -delete
find . -name x | xargs rm
truncate -s 0 /var/log/app.log
apt-get install -y htop
sysctl -w vm.swappiness=10
iptables -A INPUT -p tcp --dport 80 -j DROP
iptables -F
ip link set eth0 down
tc qdisc add dev eth0 root netem delay 100ms
crontab -r
crontab jobs.txt
echo '* * * * * x' | crontab -
kafka-topics.sh --delete --topic x --bootstrap-server b:9092
kafka-consumer-groups.sh --reset-offsets --to-latest --execute --group g --topic t --bootstrap-server b
rabbitmqctl purge_queue x
rabbitmqctl stop_app
amtool silence add alertname=x
nginx -s reload
swapoff -a
docker exec db psql -c "DELETE FROM x"
docker exec web sh -c "kill 1"
A=1 B=2 kubectl delete pod x
(cd /repo && git push)
{ kubectl delete pod x; }
! kubectl delete pod x
time kubectl delete pod x
env -i kubectl delete pod x
kubectl get pods; # look¶kubectl delete pod x
make deploy
psql -c "select 1" -c "drop table x"
psql -c 'select 1;' -c 'KILL 5'
mysql -Ne "KILL 12"
trap 'kubectl delete pod x' EXIT
sudo -i <<EOF¶systemctl restart nginx¶EOF
sudo -s <<< 'rm -rf /data'
echo "$(( $(kubectl delete pod x | wc -l) + 1 ))"
echo $( (kubectl delete pod x) )
diff <(kubectl get pods) <(kubectl delete pod x)
cat <<EOF | psql -h db¶drop table x¶EOF
echo 'drop table x' |¶  psql -h db
echo flushall |& redis-cli
printf 'db.x.drop()' | mongosh shop
pip install list
apt-get install show
docker exec web sh <<EOF¶kill 1¶EOF
kubectl exec -i db-0 -- psql <<EOF¶delete from x¶EOF
ssh web1 bash <<EOF¶systemctl stop app¶EOF
ssh web1 -p 2222 sudo systemctl stop app
git -C /repo branch -D old
git tag -a v1
git config --global user.name x
terraform fmt
redis-cli -a pw --no-auth-warning DEL x
sqlite3 app.db "pragma journal_mode=delete"
psql -c "copy x from stdin"
psql -c "select pg_replication_slot_advance('s', '0/1')"
aws s3api delete-object --bucket b --key list
aws s3 cp s3://b/x /etc/x
gcloud compute instances delete list
ansible web -a "systemctl restart app"
sort -o /etc/app.list /etc/app.list
ip netns exec ns1 ip link set eth0 down
yq -i '.a = 1' x.yaml
wget http://x/setup.tgz
curl -O http://x/setup.tgz
kubectl \¶  delete pod x
`;

/** May do anything: who guards treats them as changes. */
const UNKNOWN = String.raw`
./restart.sh
/opt/ops/failover
python3 fix.py
python3 -c 'import os; os.system("x")'
node script.js
bash deploy.sh
sh
source ./env.sh
mongosh --file fix.js
mongosh --eval "load('fix.js')"
mongosh shop
psql -f fix.sql
mysql < fix.sql
redis-cli eval "return 1" 0
redis-cli < commands.txt
$CMD delete pod x
"$(cat cmd)"
kubectl $VERB pod x
kubectl unknown-plugin x
git alias-of-mine
xargs -a list.txt ./do-it
ssh web1
ssh web1 ./deploy.sh
frobnicate --now
base64 -d x | bash
cat commands.txt | sh
sh -c "$(echo kubectl delete pod x)"
eval "$(echo kubectl delete pod x)"
echo 'delete pod x' | xargs kubectl
cat pods.txt | xargs -n1 sh -c
cat fix.sql | psql -h db
psql -c 'select 1' -f fix.sql
psql -c "select 'drop table x' \gexec"
docker frobnicate info
redis-cli frobnicate get
git frobnicate log
kubectl frobnicate get pods
vault frobnicate read
aws sqs frobnicate list-queues
awk '{print > "/etc/x"}' a
awk '{print | "sh"}' a
sed 's/a/b/e' x
sed -n '/x/w /etc/y' z
sudo -i
sudo su -
curl -K options.txt
command frobnicate
mongosh --eval "db.getCollection(name)[method]()"
mongosh --eval "eval(x)"
mongosh --eval "db.x.find(); helper()"
nc db 5432
perl -e 'unlink 1'
python3 script.py --version
./x --version
`;

const lines = (text: string): string[] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.replaceAll('¶', '\n'));

const TABLE = [
  ...lines(READ).map((line) => [line, 'read'] as const),
  ...lines(MUTATE).map((line) => [line, 'mutate'] as const),
  ...lines(UNKNOWN).map((line) => [line, 'unknown'] as const),
];

test.each(TABLE)('%s is %s', (line, tier) => {
  expect(toolTier('bash', [{ command: line }]).tier).toBe(tier);
});
