/** How often letters are met in text: the rank of the rarest is lowest. */
const letterRank = 'zqxjkvbywgpfmuclhdrnsioate';
/** What English, JSON and telemetry are full of: four characters from here tell keywords apart badly. */
const ordinaryText =
  ' the and for with that this from have not are was were been has had will would can could should because when which there their they what about into over after before first then than other some time only also most more such through between under while where each number of open connection connections error errors rate rates failed failure failures request requests response responses service services status running ready restarts node nodes cluster clusters namespace pod pods name names version versions message messages content type types role user users assistant system text part parts tool tools call calls function functions command commands arguments result results output input default value values true false null time timestamp duration latency timeout timeouts seconds minutes hours date level info warn warning debug trace traces span spans metric metrics log logs event events count total size limit offset page host hostname port address network http https server servers client clients database databases query queries table tables index indexes production product products checkout payment payments order orders cart customer customers account accounts deployment deployments deploy deployed rollback release config configuration memory storage disk cpu usage container containers image images application applications operation operations execute executed position positions section sections action actions question questions identify incident incidents impact impacted root cause caused engineering engineers engineer team work worked working worker workers replica replicas replication load balancer traffic recover recovered recovery service-level performance perform internal external specific significant based update updated updates create created delete deleted change changed changes environment current previous please check checks found issue issues problem problems state start started starting stop stopped end ended line lines file files path paths code data "key": "value": "name": "type": "id": 00Z" ":" "," 2026- 00:00 000, 10.2 .0.0 /v1/ /api/ s://w s://a .com .svc .local ';

const commonnessOf = new Map<string, number>();

/** How often the four characters at an offset are met, roughly; the lower the rarer. */
export function commonness(word: string, at: number): number {
  const gram = word.slice(at, at + 4);
  let total = commonnessOf.get(gram);
  if (total !== undefined) return total;
  total = 0;
  for (const char of gram) {
    const rank = letterRank.indexOf(char);
    total += rank >= 0 ? rank : char >= '0' && char <= '9' ? digitRank : signRank;
  }
  for (let found = ordinaryText.indexOf(gram); found >= 0; found = ordinaryText.indexOf(gram, found + 1)) total += 40;
  commonnessOf.set(gram, total);
  return total;
}

/** Digits fall together with all others, punctuation with some. */
const digitRank = 26;
const signRank = 18;
