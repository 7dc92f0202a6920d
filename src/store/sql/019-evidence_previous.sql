RENAME TABLE IF EXISTS evidence TO evidence_previous
