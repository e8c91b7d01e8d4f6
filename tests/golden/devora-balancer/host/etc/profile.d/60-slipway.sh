# Made by slipway from the stack file: a change here is undone by the next `pulumi up`.
ulimit -c 0
TMOUT=3600
export TMOUT
