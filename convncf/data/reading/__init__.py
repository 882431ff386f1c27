"""Files as people have them -> Interactions, ItemTable and a ReadReport; `api.read` is the way in."""
