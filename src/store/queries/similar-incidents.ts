/**
 * The incidents most like one of the tenant, by weighted overlap of features, in two steps so that words which everybody
 * uses cost a count and no more.
 *
 * `incident_features` is ordered by feature: only rows of features that the incident shows are read. Rows of an older
 * version are left over from before an incident was remembered anew; they are not compared.
 */

/** What the incident shows, and how many incidents show each. */
export const askedFeaturesSql = `
SELECT asked.kind AS kind, asked.value AS value, asked.weight AS weight, asked.source AS source, counted.showing AS showing
FROM
(
  SELECT kind, value, weight, source
  FROM incident_memory FINAL
  ARRAY JOIN feature_kinds AS kind, feature_values AS value, feature_weights AS weight, feature_sources AS source
  WHERE tenant = {tenant:String} AND incident = {incident:String}
) AS asked
INNER JOIN
(
  SELECT kind, value, toUInt32(uniq(incident)) AS showing
  FROM incident_features
  WHERE tenant = {tenant:String} AND (kind, value) IN
  (
    SELECT kind, value
    FROM incident_memory FINAL
    ARRAY JOIN feature_kinds AS kind, feature_values AS value
    WHERE tenant = {tenant:String} AND incident = {incident:String}
  )
  GROUP BY kind, value
) AS counted ON asked.kind = counted.kind AND asked.value = counted.value
LIMIT 1000`;

/** Who else shows these features (`keys` are kind, line break, value), and what each adds. */
export const similarIncidentsSql = `
SELECT
  features.incident AS incident,
  sum(factors[indexOf(asked, concat(features.kind, '\\n', features.value))] * sqrt(features.weight)) AS contribution,
  arraySlice(
    arraySort(each -> (-each.3, each.1, each.2), groupArray((
      features.kind,
      features.value,
      factors[indexOf(asked, concat(features.kind, '\\n', features.value))] * sqrt(features.weight),
      features.source
    ))),
    1,
    {features_shown:UInt32}
  ) AS features
FROM
(
  WITH {keys:Array(String)} AS asked, arrayMap(each -> toFloat64(each), {factors:Array(String)}) AS factors
  SELECT incident, kind, value, weight, source, version, asked, factors
  FROM incident_features
  WHERE tenant = {tenant:String}
    AND (kind, value) IN (
      SELECT splitByChar('\\n', key)[1], substring(key, position(key, '\\n') + 1)
      FROM (SELECT arrayJoin({keys:Array(String)}) AS key)
    )
    AND incident != {incident:String}
) AS features
INNER JOIN
(
  SELECT incident, max(version) AS version FROM incident_memory WHERE tenant = {tenant:String} GROUP BY incident
) AS current ON features.incident = current.incident AND features.version = current.version
GROUP BY incident
ORDER BY contribution DESC, incident
LIMIT {limit:UInt32}`;
