"""What `train_small.py` does: it trains, resumes and evaluates. Nothing else in `hatnet` imports this."""
