"""Apple's push service (APNs): many pushes over few HTTP/2 connections, an answer for each."""
