#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Certificates made on the spot, and clients that take any."""
import os
import socket
import ssl
import struct
import subprocess

from nightjar import PATIENCE

HANDSHAKE, ALERT = 22, 21


# What openssl makes keys of.
KEYS = {"ecdsa": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}


def make_certificate(folder, name, kind="ecdsa"):
    """certificate.pem and key.pem in a folder, each put in its place by a rename as tools for certificates do it."""
    files = (folder / "certificate.pem", folder / "key.pem")
    new = [file.with_suffix(".new") for file in files]
    command = ["openssl", "req", "-x509", "-newkey", *KEYS[kind], "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={name}", "-out", new[0], "-keyout", new[1]]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    for source, target in zip(new, files):
        os.replace(source, target)
    return files


def trusting_all():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def certificate_of(port):
    """The certificate that a new connection sees, in DER."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as plain:
        with trusting_all().wrap_socket(plain) as client:
            return client.getpeercert(binary_form=True)


def client_hello(ciphers, extensions=b"", version=0x0303):
    """The record, or records, of a ClientHello of TLS 1.2 (RFC 5246 section 7.4.1.2)."""
    body = struct.pack("!H", version) + os.urandom(32) + b"\0"
    body += struct.pack("!H", 2 * len(ciphers)) + b"".join(struct.pack("!H", cipher) for cipher in ciphers)
    body += b"\x01\0" + struct.pack("!H", len(extensions)) + extensions
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    parts = [message[start : start + 16_384] for start in range(0, len(message), 16_384)]
    return b"".join(struct.pack("!BHH", HANDSHAKE, 0x0301, len(part)) + part for part in parts)


def extension(kind, content):
    return struct.pack("!HH", kind, len(content)) + content


# What an ordinary client says about curves, points and signatures.
ORDINARY = (
    extension(10, b"\0\4\0\x1d\0\x17") + extension(11, b"\1\0") + extension(13, b"\0\6\4\3\x08\4\4\1")
)


def first_answer(port, data, limit=PATIENCE):
    """The type and content of the first record that the server sends; None when it ends the connection without one."""
    with socket.create_connection(("127.0.0.1", port), limit) as stream:
        try:
            stream.sendall(data)
            received = b""
            while len(received) < 5 or len(received) < 5 + int.from_bytes(received[3:5], "big"):
                if not (more := stream.recv(65_536)):
                    return None
                received += more
        except (ConnectionResetError, BrokenPipeError):
            return None
        return received[0], received[5 : 5 + int.from_bytes(received[3:5], "big")]
