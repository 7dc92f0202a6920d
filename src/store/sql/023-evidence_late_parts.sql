ALTER TABLE evidence_previous MOVE PARTITION tuple() TO TABLE evidence
