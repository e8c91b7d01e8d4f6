"""What a stack file may say: the typed product, its architecture, its access. Only `load` imports Pulumi."""
