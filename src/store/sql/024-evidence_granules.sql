ALTER TABLE evidence REWRITE PARTS SETTINGS mutations_sync = 0
