"""Endpoints that a page may send and nobody may ever contact, by what is wrong with them.

``{port}`` is the port of a canary that listens on loopback, ``{port6}`` of one on ``::1``.
"""

from __future__ import annotations

SCHEMES = (
    "http://fcm.googleapis.com/fcm/send/x",
    "ws://fcm.googleapis.com/x",
    "wss://fcm.googleapis.com/x",
    "ftp://fcm.googleapis.com/x",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "dict://127.0.0.1:{port}/x",
    "javascript:alert(1)",
    "data:text/plain,x",
    "//fcm.googleapis.com/x",
    "fcm.googleapis.com/x",
    "https:fcm.googleapis.com/x",
    "https:///x",
    "https://",
    "",
)
PORTS = (
    "https://fcm.googleapis.com:80/x",
    "https://fcm.googleapis.com:8443/x",
    "https://fcm.googleapis.com:{port}/x",
    "https://fcm.googleapis.com:0/x",
    "https://fcm.googleapis.com:65536/x",
    "https://fcm.googleapis.com:443x/x",
    "https://fcm.googleapis.com:-443/x",
)
USERINFO = (
    "https://fcm.googleapis.com@127.0.0.1:{port}/x",
    "https://fcm.googleapis.com:443@127.0.0.1:{port}/x",
    "https://user@fcm.googleapis.com/x",
    "https://user:secret@fcm.googleapis.com/x",
    "https://@fcm.googleapis.com/x",
    "https://fcm.googleapis.com@evil.example/x",
    "https://fcm.googleapis.com%40evil.example/x",
)
LOOPBACK = (
    "https://127.0.0.1/x",
    "https://127.0.0.1:{port}/x",
    "http://127.0.0.1:{port}/x",
    "http://localhost:{port}/x",
    "https://localhost/x",
    "https://127.1/x",
    "https://127.0.1:{port}/x",
    "https://2130706433/x",
    "https://2130706433:{port}/x",
    "https://0177.0.0.1/x",
    "https://0x7f.0.0.1/x",
    "https://0x7f000001/x",
    "https://127.0.0.2:{port}/x",
    "https://0.0.0.0:{port}/x",
    "https://0/x",
    "https://[::1]:{port6}/x",
    "http://[::1]:{port6}/x",
    "https://[::]:{port6}/x",
    "https://[0:0:0:0:0:0:0:1]/x",
    "https://[::ffff:127.0.0.1]:{port}/x",
    "https://[::ffff:7f00:1]/x",
    "https://[64:ff9b::7f00:1]/x",
    "https://[2002:7f00:1::]/x",
    "https://localhost.localdomain/x",
    "https://127.0.0.1.nip.io/x",
)
PRIVATE = (
    "https://169.254.169.254/latest/meta-data/",
    "http://169.254.169.254/latest/meta-data/",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://10.0.0.1/x",
    "https://172.16.0.1/x",
    "https://192.168.1.1/x",
    "https://100.64.0.1/x",
    "https://[fc00::1]/x",
    "https://[fe80::1]/x",
    "https://[fe80::1%25eth0]/x",
    "https://224.0.0.1/x",
    "https://255.255.255.255/x",
)
LOOK_ALIKES = (
    "https://fcm.googleapis.com.evil.example/x",
    "https://evil.example/fcm.googleapis.com",
    "https://evil.example#fcm.googleapis.com",
    "https://evil.example/#@fcm.googleapis.com/",
    "https://evil.example?fcm.googleapis.com",
    "https://evil.example\\@fcm.googleapis.com/x",
    "https://fcm.googleapis.com\\@evil.example/x",
    "https://fcm.googleapis.com\\.evil.example/x",
    "https://evilfcm.googleapis.com/x",
    "https://fcm-googleapis.com/x",
    "https://googleapis.com/x",
    "https://storage.googleapis.com/x",
    "https://x.fcm.googleapis.com/x",
    "https://evilpush.services.mozilla.com/x",
    "https://push.services.mozilla.com.evil.example/x",
    "https://evil-push.apple.com/x",
    "https://push.apple.com.evil.example/x",
    "https://notify.windows.com.evil.example/x",
    "https://evilnotify.windows.com/x",
    "https://.push.apple.com/x",
    "https://x..push.apple.com/x",
    "https://*.push.apple.com/x",
    "https://fcm.googleapis.com./x",
    "https://fcm.googleapis.com../x",
)
LETTERS = (
    "https://fcm。googleapis。com/x",
    "https://fcm．googleapis．com/x",
    "https://fcm｡googleapis｡com/x",
    "https://ｆcm.googleapis.com/x",
    "https://fcm.gооgleapis.com/x",  # two Cyrillic letters
    "https://fcm.googleapis.com\u200b/x",
    "https://\u2460\u2461\u2466.0.0.1/x",  # digits in circles, which some read as 127
    "https://fcm%2egoogleapis%2ecom/x",
    "https://fcm.googleapis.com%00.evil.example/x",
    "https://fcm.googleapis.com\x00.evil.example/x",
    "https://fcm.googleapis.com\t.evil.example/x",
    "https://evil.example\r\nHost: fcm.googleapis.com/x",
    "https://fcm.googleapis.com /x",
    " https://fcm.googleapis.com/x",
    "https://fcm.googleapis.com/x\r\nX-Injected: 1",
    "https://fcm.googleapis.com/x#fragment",
    "https://fcm.googleapis.com/" + "x" * 2_048,
)
HOSTILE = (*SCHEMES, *PORTS, *USERINFO, *LOOPBACK, *PRIVATE, *LOOK_ALIKES, *LETTERS)

NO_TEXTS: tuple[object, ...] = (None, 7, True, [], {}, ["https://fcm.googleapis.com/x"])
"""What is no address at all."""

GOOD = (
    # A check for addresses that begin with "fc" once refused the first one (security.md, 3).
    "https://fcm.googleapis.com/fcm/send/abc:DEF-1_2",
    "https://fcm.googleapis.com:443/wp/x",
    "https://FCM.GoogleApis.com/fcm/send/x",
    "https://updates.push.services.mozilla.com/wpush/v2/x",
    "https://eu.push.services.mozilla.com/wpush/v2/x",
    "https://web.push.apple.com/QOabc",
    "https://eu-west.push.apple.com/x",
    "https://db5p.notify.windows.com/w/?token=abc%2f%3d",
)
