"""Rules over a stack's resources: run by the plan before anything is made, and by Pulumi as a policy pack."""
