# smtpd-proxy: nothing yet
