"""Parse in processes of their own, under one shard, which keeps the Session, the manners and the commits."""
