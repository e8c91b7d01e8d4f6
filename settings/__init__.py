"""What a stack file may say: the typed product, its architecture and who may reach it. Imports no Pulumi outside `load`."""
