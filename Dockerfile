# The service in a container, in two flavours:
#
#   docker build -t percore .                       a store is mounted at /store
#   docker build -t percore-baked --target baked .  the store of this folder is in the image
#
#   docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#     --stop-timeout 60 -p 8000:8000 -v "$PWD/store:/store:ro" percore
#
# The base is named by its tag: pin it by digest (python:3.11-slim@sha256:…) where builds must be
# the same to the byte. Every package in it is pinned by hash.

FROM python:3.11-slim AS build
WORKDIR /app
COPY requirements/service.txt requirements/
# The image's own pip installs, so none is in the environment. The byte code is checked against
# nothing at run time, as nothing can change it.
RUN python -m venv --without-pip .venv && \
    python -m pip --python .venv/bin/python install --require-hashes --only-binary :all: \
      --no-cache-dir --no-compile --disable-pip-version-check -r requirements/service.txt && \
    .venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash .venv/lib
COPY models models
COPY service service
RUN .venv/bin/python -m compileall -q --invalidation-mode unchecked-hash models service

FROM python:3.11-slim AS runtime
LABEL org.opencontainers.image.title="Percore" \
      org.opencontainers.image.description="Serves fitted scikit-learn models over REST" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /app
COPY --from=build /app/.venv .venv
COPY --from=build /app/models models
COPY --from=build /app/service service
# A number, so that Kubernetes can see that it is not root. It owns nothing here.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["/app/.venv/bin/python", "-I", "-S", "/app/service/healthcheck.py"]
ENTRYPOINT ["/app/.venv/bin/python", "-m", "service"]
# No --port: a flag would outrank the variables by which platforms say theirs; 8000 is the default.
CMD ["--store", "/store", "--host", "0.0.0.0"]

FROM runtime AS baked
COPY store /store

# Last, so that a build without --target makes it.
FROM runtime AS service
