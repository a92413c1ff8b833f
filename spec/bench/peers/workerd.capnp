# workerd's configuration: FOLDER and PORT stand for where the data is and the port to listen on.

using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [ (name = "bench", worker = .bench), (name = "disk", disk = (path = "FOLDER", writable = true)) ],
  sockets = [ (name = "http", address = "127.0.0.1:PORT", http = (), service = "bench") ],
);

const bench :Workerd.Worker = (
  modules = [ (name = "workerd.js", esModule = embed "workerd.js") ],
  compatibilityDate = "2025-01-01",
  durableObjectNamespaces = [
    (className = "Account", uniqueKey = "account", enableSql = true),
    (className = "Transfer", uniqueKey = "transfer", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [
    (name = "ACCOUNT", durableObjectNamespace = "Account"),
    (name = "TRANSFER", durableObjectNamespace = "Transfer"),
  ],
);
