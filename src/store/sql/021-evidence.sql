RENAME TABLE IF EXISTS evidence_next TO evidence
