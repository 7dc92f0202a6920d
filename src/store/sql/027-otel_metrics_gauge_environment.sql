ALTER TABLE otel_metrics_gauge ADD COLUMN IF NOT EXISTS Environment LowCardinality(String)
MATERIALIZED if(ResourceAttributes['deployment.environment.name'] != '', ResourceAttributes['deployment.environment.name'],
ResourceAttributes['deployment.environment']) CODEC(ZSTD(1))
