# A collector that takes OTLP over HTTP as JSON, by the protocol's own definitions, and writes what it
# was told to standard output: a line for each message.
import http.server, json, sys

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

TAKEN = {"/v1/metrics": metrics.ExportMetricsServiceRequest, "/v1/traces": traces.ExportTraceServiceRequest}


class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        # Unknown fields and wrong types are errors.
        json_format.Parse(body, TAKEN[self.path]())
        print(json.dumps({"path": self.path, "said": json.loads(body)}), flush=True)
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Collector).serve_forever()
