# Verbs of the delivery pipeline: the Jenkinsfile calls one a stage, a person can call each (docs/delivery.md). What they find and make lies in
# build/delivery. GNU make ends with 2 whatever a command ended with; `deploy/pipeline/verb VERB` hands on the command's own code.
PIPELINE := deploy/pipeline
.PHONY: environment register monitor renew reports-archive reports-publish image sbom secrets-scan secrets-known push release health smoke \
  withdraw build-report lint-pipeline test-pipeline lock-delivery

environment: setup build/tools/ready ## what a build needs: environment, tools, an empty build/delivery
	@$(PIPELINE)/environment

register: .venv/ready ## train and register the best model (DATA with SPEC or LABEL, BUDGET; no DATA: a simulated bank)
	@$(PIPELINE)/model register

monitor: .venv/ready ## recent customers against those the champion learned from (BATCH; else the newest of the inbox)
	@$(PIPELINE)/model monitor

renew: .venv/ready ## a challenger where monitoring asks for one; the gates decide
	@$(PIPELINE)/model renew

reports-archive: ## reports of the home into build/delivery/reports.tar.gz
	@$(PIPELINE)/reports archive

reports-publish: ## the same to where people read them (TIDEGATE_REPORTS_TO=folder)
	@$(PIPELINE)/reports publish

image: ## one image into build/delivery/images (NAME=api, ui, worker, reports or mlflow)
	@$(PIPELINE)/image "$(NAME)"

sbom: build/tools/ready ## what is in each image and in the lock, as CycloneDX documents
	@build/tools/bin/python $(PIPELINE)/sbom.py build/delivery

secrets-scan: build/tools/ready ## secrets in the tree and in every layer of the images
	@build/tools/bin/python $(PIPELINE)/secrets_scan.py build/delivery/images

secrets-known: build/tools/ready ## what the scan finds in the tree now is no secret: remember it (look first)
	@build/tools/bin/python $(PIPELINE)/secrets_scan.py --remember

push: ## images to TIDEGATE_REGISTRY; their digests into build/delivery/images.env
	@$(PIPELINE)/push

release: ## deploy the pushed images by digest, here or at TIDEGATE_DEPLOY_HOST
	@$(PIPELINE)/hosted release

health: ## does every published service say that it is ready
	@$(PIPELINE)/hosted health

smoke: ## one customer scored through the front door, twice with one key
	@$(PIPELINE)/hosted smoke

withdraw: ## what ran before the last release runs again
	@$(PIPELINE)/hosted withdraw

build-report: ## one page about the build: build/delivery/report.html and .json (RESULT=)
	@python3 $(PIPELINE)/report.py build/delivery "$(RESULT)"

LINT := npm-groovy-lint@16.2.0
lint-pipeline: build/lint/ready ## the Jenkinsfile through npm-groovy-lint (JENKINSFILE=)
	build/lint/node_modules/.bin/npm-groovy-lint --noserver --failon error --config deploy/jenkins/groovylint.json $(or $(JENKINSFILE),Jenkinsfile)

test-pipeline: .venv/ready build/tools/ready build/lint/ready ## lint the Jenkinsfile and execute it, whole and with each stage failing (minutes; java)
	$(BIN)/pytest -m pipeline tests/pipeline

lock: lock-delivery
lock-delivery: .venv/ready
	$(BIN)/uv pip compile locks/delivery.in --python-version 3.11 --generate-hashes --no-header --no-annotate -q -o locks/delivery.txt

build/tools/ready: locks/delivery.txt
	$(PYTHON) -m venv build/tools
	build/tools/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r locks/delivery.txt
	@touch $@

build/lint/ready: deploy/pipeline/pipeline.mk
	@command -v npm >/dev/null || { echo "npm is missing: apt-get install npm default-jre-headless"; exit 2; }
	npm install --silent --no-audit --no-fund --prefix build/lint $(LINT)
	@touch $@
