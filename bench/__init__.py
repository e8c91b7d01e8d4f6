"""Speed, as ratios of two things measured in one run: absolute times say more of the machine than of the program."""
