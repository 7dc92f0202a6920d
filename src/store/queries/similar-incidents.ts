/**
 * The incidents most like one of the tenant, by weighted overlap of features, in two steps so that words which everybody
 * uses cost a count and no more. `keys` are features as kind, line break, value.
 *
 * `incident_features` is ordered by feature: only rows of the features asked for are read. Rows of an older version are left
 * over from before an incident was remembered anew; `remembered`, a hash of incident and version, tells them apart.
 */
const OF_ASKED = `
  tenant = {tenant:String}
  AND (kind, value) IN (
    SELECT splitByChar('\\n', key)[1], substring(key, position(key, '\\n') + 1)
    FROM (SELECT arrayJoin({keys:Array(String)}) AS key)
  )
  AND remembered IN (SELECT remembered FROM incident_memory FINAL WHERE tenant = {tenant:String})`;

/** How many incidents show each. */
export const showingSql = `
SELECT kind, value, toUInt32(count()) AS showing
FROM incident_features
WHERE ${OF_ASKED}
GROUP BY kind, value
LIMIT 1000`;

/** Who else shows these; each adds its factor times the root of its weight there. */
export const similarIncidentsSql = `
SELECT
  incident,
  sum(part) AS contribution,
  arraySlice(
    arraySort(each -> (-each.3, each.1, each.2), groupArray((kind, value, part, source))),
    1,
    {features_shown:UInt32}
  ) AS features
FROM
(
  SELECT
    incident,
    kind,
    value,
    source,
    toFloat64(transform(concat(kind, '\\n', value), {keys:Array(String)}, {factors:Array(String)}, '0')) * sqrt(weight) AS part
  FROM incident_features
  WHERE incident != {incident:String} AND ${OF_ASKED}
)
GROUP BY incident
ORDER BY contribution DESC, incident
LIMIT {limit:UInt32}`;
