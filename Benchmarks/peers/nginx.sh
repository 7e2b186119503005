#!/usr/bin/env bash
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
# nginx with Lua (LuaJIT) and lua-resty-websocket: what is said comes back. It has no broadcast, since requests share nothing
# that could wake another.
# usage: nginx.sh FOLDER PORT
set -euo pipefail
folder=$(cd "$1" && pwd)
cat >"$folder/nginx.conf" <<CONFIGURATION
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
daemon off;
master_process off;
pid $folder/nginx.pid;
error_log $folder/error.log crit;
worker_rlimit_nofile $(ulimit -n);
events {
    worker_connections 18000;
    multi_accept on;
}
http {
    access_log off;
    lua_package_path "/usr/share/lua/5.1/?.lua;;";
    lua_socket_log_errors off;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    server {
        listen 127.0.0.1:$2 backlog=4096;
        location /echo {
            content_by_lua_block {
                local peer, why = require("resty.websocket.server"):new({ timeout = 600000, max_payload_len = 1048576 })
                if not peer then return ngx.exit(400) end
                while true do
                    local data, kind = peer:recv_frame()
                    if kind == "text" then
                        if not peer:send_text(data) then return end
                    elseif kind == "binary" then
                        if not peer:send_binary(data) then return end
                    elseif kind == "ping" then
                        peer:send_pong(data)
                    elseif kind == "close" then
                        peer:send_close(1000)
                        return
                    elseif not data then
                        return
                    end
                end
            }
        }
    }
}
CONFIGURATION
exec nginx -p "$folder" -c "$folder/nginx.conf"
