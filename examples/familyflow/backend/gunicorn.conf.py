"""Gunicorn's settings. Where to listen is the platform's to say, in GUNICORN_CMD_ARGS; what is on the command line wins."""

worker_class = "gthread"
workers = 2
threads = 4
# The longest answer that /api/slow/ gives is 25 s: a stop waits for it.
graceful_timeout = 30
timeout = 60
# A heartbeat file on a disk that stalls would look like a worker that hangs.
worker_tmp_dir = "/dev/shm"
# It would stand in the home directory, where two slots would fight for it.
control_socket_disable = True
errorlog = "-"
# The proxy in front writes the access log.
accesslog = None
