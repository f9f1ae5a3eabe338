.PHONY: help example test thorough coverage lint format notebooks picture models vectors bench fuzz grading lab site mutation ci
PYTHON = .venv/bin/python

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## */\t/' | expand -t 12

.venv:
	python3 -m venv .venv && .venv/bin/pip install --quiet --editable '.[dev]'

example: .venv  ## tell the worked example, stage by stage
	$(PYTHON) -m numpycam

test: .venv  ## run the tests and the doctests
	$(PYTHON) -m pytest -n auto

thorough: .venv  ## run the tests with a thousand examples for each law
	HYPOTHESIS_PROFILE=thorough $(PYTHON) -m pytest -n auto

coverage: .venv  ## run the tests and say which lines they miss
	$(PYTHON) -m coverage run -m pytest && $(PYTHON) -m coverage report

lint: .venv  ## check style, format and types
	$(PYTHON) -m ruff check && $(PYTHON) -m ruff format --check && $(PYTHON) -m mypy --strict numpycam

format: .venv  ## format the code and mend what can be mended
	$(PYTHON) -m ruff check --fix && $(PYTHON) -m ruff format

notebooks: .venv  ## execute all notebooks and store them with their outputs
	$(PYTHON) notebooks/execute.py

picture: .venv  ## draw what the README and the docs show; measure networks and methods on drawings
	$(PYTHON) -m numpycam --out docs/worked_example > /dev/null
	$(PYTHON) docs/animation.py
	$(PYTHON) docs/columns.py
	$(PYTHON) docs/drawings.py
	$(PYTHON) docs/methods.py measures properties
	$(PYTHON) docs/disagreements.py
	$(PYTHON) docs/laws.py
	$(PYTHON) docs/proofs.py
	$(PYTHON) docs/conformance.py
	$(PYTHON) docs/worksheet.py
	$(PYTHON) docs/slides.py

models: .venv  ## convert torchvision's 80 models with random weights, for docs/models.md
	.venv/bin/pip install --quiet torch torchvision
	$(PYTHON) docs/models.py

vectors: .venv  ## choose and write the golden vectors anew
	$(PYTHON) -m numpycam.laws.vectors

bench: .venv  ## measure against torch and others on a quiet machine, for docs/performance.md
	.venv/bin/pip install --quiet --requirement benchmarks/requirements.txt
	$(PYTHON) benchmarks --out docs/performance
	$(PYTHON) benchmarks --threads 2 --out docs/performance --page docs/performance.md

SECONDS = 3600
fuzz: .venv  ## look for what breaks numpycam, for SECONDS=3600: damaged files, odd arguments, networks against torch
	.venv/bin/pip install --quiet --editable '.[torch]'
	$(PYTHON) -W ignore tests/fuzz --seconds $(SECONDS) --seed $$(date +%s)

NOTEBOOKS = all

grading:  ## grade a class with nbgrader, in an environment of its own; NOTEBOOKS=01_grad_cam_by_hand for one
	python3 -m venv .venv-grading && .venv-grading/bin/pip install --quiet nbgrader '.[notebooks]'
	.venv-grading/bin/python tests/grading/run.py $(NOTEBOOKS)

OUT = site/lab
lab:  ## build the course as static files that run in a browser, into OUT=site/lab
	python3 docs/lab/build.py $(OUT)

mutation:  ## make mutants of the core and see which the tests kill, for docs/mutation.md
	python3 -m venv .venv-mutation && .venv-mutation/bin/pip install --quiet --editable '.[test]' mutmut==3.8.1
	rm -rf mutants # what is there is not tried again, even if the tests have changed
	HYPOTHESIS_PROFILE=mutants nice .venv-mutation/bin/mutmut run
	.venv-mutation/bin/python docs/mutation.py

.venv-site: docs/requirements.txt
	python3 -m venv .venv-site && .venv-site/bin/pip install --quiet --editable . --requirement docs/requirements.txt
	npm install --silent --no-save --no-package-lock --prefix .venv-site mathjax@3.2.2 axe-core@4.14.1
	touch .venv-site

site: .venv-site  ## build the site, site/index.html; after it, all works offline
	rm -rf site/_modules # what is there is not written again
	.venv-site/bin/python -m sphinx -E -W --keep-going -n -q -b html -c docs -d build/site . site

ci:  ## all that CI runs, in fresh copies
	bash .ci/run
