"""The one app of FamilyFlow: notes on the fridge door, tasks in the background, a heartbeat."""
