import socket, ssl, struct, sys, threading

def pass_on(one, other):
    try:
        while data := one.recv(65536):
            other.sendall(data)
    except OSError:
        pass
    for end in (one, other):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


ASK = struct.pack("!II", 8, 80877103)

if sys.argv[1] == "between":
    # Ends TLS with a certificate of its own, and begins it anew towards the server.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("between.pem", "between.key")
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        raw, _ = listener.accept()
        assert raw.recv(8) == ASK
        raw.sendall(b"S")
        client = context.wrap_socket(raw, server_side=True)
        server = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
        server.sendall(ASK)
        assert server.recv(1) == b"S"
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        server = trusting.wrap_socket(server)
        threading.Thread(target=pass_on, args=(client, server), daemon=True).start()
        threading.Thread(target=pass_on, args=(server, client), daemon=True).start()

if sys.argv[1] == "serve":
    # A far end that takes TLS at once, as servers from 17 on do, before one that does not.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("server.pem", "server.key")
    context.set_alpn_protocols(["postgresql"])
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        raw, _ = listener.accept()
        assert raw.recv(1, socket.MSG_PEEK) == b"\x16", "no handshake"
        client = context.wrap_socket(raw, server_side=True)
        assert client.selected_alpn_protocol() == "postgresql"
        server = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
        threading.Thread(target=pass_on, args=(client, server), daemon=True).start()
        threading.Thread(target=pass_on, args=(server, client), daemon=True).start()

context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
context.set_alpn_protocols(["postgresql"])
with context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[2])))) as client:
    body = struct.pack("!I", 196608) + b"user\0app\0database\0shop\0\0"
    client.sendall(struct.pack("!I", len(body) + 4) + body)
    said = client.recv(1024)
    assert said[:1] == b"R" and said[5:9] == struct.pack("!I", 10), said
    print(client.selected_alpn_protocol(), said[9:].split(b"\0")[0].decode())
