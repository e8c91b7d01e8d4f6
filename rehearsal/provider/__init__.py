"""Stand-ins for the provider plugins: they speak the engine's own protocol; the cloud behind them is this machine."""
