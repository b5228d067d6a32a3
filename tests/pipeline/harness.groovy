// Executes a declarative Jenkinsfile without Jenkins: `groovy harness.groovy JENKINSFILE PLAN.json OUT.json`, in the workspace.
//
// What it knows is what declarative pipelines are made of; a directive or a step that it does not know ends it, as a name that is misspelt ends a build.
// The plan: `params`, `credentials` (id to {kind, value…}), `environment`, and `sh`, a list of {match, status | run}: the first whose `match` is in the
// script answers it, with that status (recorded, nothing runs) or by running another script in its place. A script that none matches runs for real, by
// `sh -xe` as in Jenkins. Branches of `parallel` run one after another.

import groovy.json.JsonOutput
import groovy.json.JsonSlurper

class Failed extends RuntimeException {
    Failed(String message) { super(message) }
}

class Aborted extends RuntimeException {
    Aborted(String message) { super(message) }
}

class Build {
    static final List ORDER = ['SUCCESS', 'UNSTABLE', 'FAILURE', 'ABORTED']
    Map plan
    Script file
    String result = 'SUCCESS'
    List stages = []
    List calls = []
    List archived = []
    List<String> path = []
    // Later ones win, as in Jenkins, where what an environment block says cannot be overwritten by `env.NAME = …`.
    Map<String, String> assigned = [:]
    List<Map<String, String>> blocks = []

    void worsen(String to) {
        if (ORDER.indexOf(to) > ORDER.indexOf(result)) { result = to }
    }

    Map<String, String> variables() {
        Map<String, String> all = [WORKSPACE: new File('.').canonicalPath, BUILD_NUMBER: '1', JOB_NAME: 'harness']
        all.putAll((plan.environment ?: [:]) as Map)
        plan.parameters.each { name, value -> all[name] = value.toString() }
        all.putAll(assigned)
        blocks.each { all.putAll(it) }
        return all
    }

    int execute(String script) {
        Map answer = plan.sh.find { script.contains(it.match) }
        Map call = [stage: path.join('/'), script: script, real: !answer || answer.run != null]
        calls << call
        int status
        if (answer?.abort) { throw new Aborted(script) }
        if (answer != null && answer.run == null) {
            status = answer.status as int
        } else {
            ProcessBuilder builder = new ProcessBuilder('sh', '-xe', '-c', answer?.run ?: script).inheritIO()
            builder.environment().putAll(variables())
            status = builder.start().waitFor()
        }
        call.status = status
        call.variables = variables().keySet().sort()
        return status
    }

    Map<String, String> bound(String name, String id) {
        Map found = plan.credentials[id]
        if (found == null) { throw new Failed("Could not find credentials entry with ID '${id}'") }
        switch (found.kind) {
            case 'text':
            case 'file': return [(name): found.value]
            case 'key': return [(name): found.value, (name + '_USR'): found.username]
            case 'password': return [(name): found.username + ':' + found.value, (name + '_USR'): found.username, (name + '_PSW'): found.value]
        }
        throw new Failed("credentials ${id} are of no known kind")
    }
}

// One block of directives: only what a subclass has as a method may be written in it.
abstract class Block {
    Build build
    static void within(Closure body, Object delegate, int strategy = Closure.DELEGATE_ONLY) {
        Closure copy = body.clone() as Closure
        copy.delegate = delegate
        copy.resolveStrategy = strategy
        copy.call()
    }
    def methodMissing(String name, Object arguments) { throw new MissingMethodException(name, this.class, arguments as Object[]) }
}

class Environment {
    private Build build
    private Map<String, String> values = [:]
    void setProperty(String name, Object value) {
        if (name in ['build', 'values']) { this.@"$name" = value; return }
        if (value instanceof Map) { values.putAll(build.bound(name, value.id)) } else { values[name] = value.toString() }
    }
    Object getProperty(String name) {
        if (name == 'params') { return build.plan.parameters }
        if (name == 'env') { return build.variables() }
        if (name in ['build', 'values']) { return this.@"$name" }
        Map known = build.variables() + values
        if (known.containsKey(name)) { return known[name] }
        throw new MissingPropertyException(name, Environment)
    }
    Map credentials(String id) { [id: id] }
}

// Steps, and what an expression may see: env, params, currentBuild, scm.
class Steps {
    Build build
    Object getEnv() { new Env(build: build) }
    Map getParams() { build.plan.parameters }
    Map getCurrentBuild() { [currentResult: build.result, result: build.result, number: 1] }
    String getScm() { 'scm' }
    void checkout(String what) { build.calls << [stage: build.path.join('/'), script: 'checkout ' + what, real: false, status: 0] }
    void echo(String text) { println text }
    Object sh(String script) { sh(script: script) }
    Object sh(Map given) {
        int status = build.execute(given.script.toString())
        if (given.returnStatus) { return status }
        if (status != 0) { throw new Failed("script returned exit code ${status}") }
        return null
    }
    void error(String text) { throw new Failed(text) }
    void unstable(String text) { println text; build.worsen('UNSTABLE'); build.stages.find { it.name == build.path.join('/') }.result = 'UNSTABLE' }
    void script(Closure body) { run(body) }
    void dir(String name, Closure body) { throw new Failed('dir is not used here: verbs run at the top') }
    void timeout(Map given, Closure body) { run(body) }
    void withEnv(List pairs, Closure body) { bracketed(pairs.collectEntries { it.toString().split('=', 2) as List }, body) }
    Map string(Map given) { [(given.variable): given.credentialsId] }
    Map file(Map given) { [(given.variable): given.credentialsId] }
    void withCredentials(List given, Closure body) {
        Map values = [:]
        given.each { one -> one.each { name, id -> values.putAll(build.bound(name, id)) } }
        bracketed(values, body)
    }
    void archiveArtifacts(Map given) {
        List found = given.artifacts.split(',').collectMany { matching(it.trim()) }
        if (!found && !given.allowEmptyArchive) { throw new Failed("No artifacts found that match the file pattern \"${given.artifacts}\"") }
        build.archived.addAll(found)
    }
    void junit(String pattern) { if (!matching(pattern)) { throw new Failed('No test report files were found. Configuration error?') } }
    boolean fileExists(String name) { new File(name).exists() }
    String readFile(String name) { new File(name).text }

    private List matching(String pattern) {
        File folder = new File(pattern).parentFile ?: new File('.')
        String name = new File(pattern).name
        String expression = name.split('\\*', -1).collect { java.util.regex.Pattern.quote(it) }.join('[^/]*')
        return (folder.listFiles() ?: []).findAll { it.file && it.name ==~ expression }*.path.sort()
    }
    private void bracketed(Map values, Closure body) {
        build.blocks << values
        try { run(body) } finally { build.blocks.pop() }
    }
    void run(Closure body) { Block.within(body, this, Closure.DELEGATE_FIRST) }
    // Functions of the file itself.
    def methodMissing(String name, Object arguments) {
        if (!build.file.metaClass.respondsTo(build.file, name, arguments as Object[])) { throw new MissingMethodException(name, Steps, arguments as Object[]) }
        return build.file.invokeMethod(name, arguments)
    }
}

class Env {
    Build build
    Object getProperty(String name) { build.variables()[name] }
    void setProperty(String name, Object value) { if (name == 'build') { this.@build = value } else { build.assigned[name] = value.toString() } }
}

class Post extends Block {
    Map<String, Closure> conditions = [:]
    void always(Closure c) { conditions.always = c }
    void success(Closure c) { conditions.success = c }
    void unstable(Closure c) { conditions.unstable = c }
    void failure(Closure c) { conditions.failure = c }
    void aborted(Closure c) { conditions.aborted = c }
    void unsuccessful(Closure c) { conditions.unsuccessful = c }
    void cleanup(Closure c) { conditions.cleanup = c }

    // `now` is the worse of what the build is and what this stage did, as in Jenkins: an earlier unstable stage makes later stages' posts unstable too.
    // A condition that fails makes the build a failure; the others are still tried.
    Throwable act(String now) {
        Throwable first = null
        Map holds = [always: true, success: now == 'SUCCESS', unstable: now == 'UNSTABLE', failure: now == 'FAILURE', aborted: now == 'ABORTED',
                     unsuccessful: now != 'SUCCESS', cleanup: true]
        for (name in ['always', 'aborted', 'failure', 'success', 'unstable', 'unsuccessful', 'cleanup']) {
            if (!conditions[name] || !holds[name]) { continue }
            try { new Steps(build: build).run(conditions[name]) } catch (Failed | Aborted wrong) {
                println "post ${name}: ${wrong.message}"
                first = first ?: wrong
                build.worsen('FAILURE')
            }
        }
        return first
    }
}

class When extends Block {
    boolean holds = true
    void expression(Closure body) {
        Closure copy = body.clone() as Closure
        copy.delegate = new Steps(build: build)
        copy.resolveStrategy = Closure.DELEGATE_FIRST
        holds = holds && copy.call()
    }
    void branch(String name) { holds = holds && build.variables().BRANCH_NAME == name }
}

class Options extends Block {
    List names = []
    Object methodMissing(String name, Object arguments) {
        if (!(name in ['disableConcurrentBuilds', 'skipDefaultCheckout', 'timestamps', 'timeout', 'buildDiscarder', 'logRotator', 'skipStagesAfterUnstable'])) {
            throw new MissingMethodException(name, Options, arguments as Object[])
        }
        names << name
        return name
    }
}

class Parameters extends Block {
    void string(Map given) { keep(given, given.defaultValue) }
    void booleanParam(Map given) { keep(given, given.defaultValue) }
    void choice(Map given) { keep(given, given.choices[0]) }
    private void keep(Map given, Object value) {
        if (!given.description) { throw new Failed("parameter ${given.name} has no description") }
        build.plan.parameters[given.name] = build.plan.params?.containsKey(given.name) ? build.plan.params[given.name] : value
    }
}

class Triggers extends Block {
    void githubPush() { build.plan.triggered = 'githubPush' }
}

class Agent extends Block {
    void label(String name) { build.plan.label = name }
}

// The stages of a pipeline, of a stage, or of a parallel.
class Stages extends Block {
    List<Map> listed = []
    void stage(String name, Closure body) { listed << [name: name, body: body] }

    // One after another until one fails; what then remains is listed as skipped. All of them where `together`, as branches of a parallel.
    void run(boolean together, Options options) {
        Throwable first = null
        for (one in listed) {
            boolean skip = (first != null && !together) || (options?.names?.contains('skipStagesAfterUnstable') && build.result == 'UNSTABLE')
            if (skip) { build.stages << [name: (build.path + one.name).join('/'), result: 'NOT_RUN']; continue }
            try { new Stage(build: build).run(one.name, one.body, options) } catch (Failed | Aborted wrong) { first = first ?: wrong }
        }
        if (first) { throw first }
    }
}

class Stage extends Block {
    Closure stepsBody, postBody, whenBody, environmentBody
    Stages inner
    boolean together
    void steps(Closure c) { stepsBody = c }
    void post(Closure c) { postBody = c }
    void when(Closure c) { whenBody = c }
    void environment(Closure c) { environmentBody = c }
    void failFast(boolean value) { }
    void stages(Closure c) { inner = new Stages(build: build); within(c, inner) }
    void parallel(Closure c) { together = true; inner = new Stages(build: build); within(c, inner) }

    void run(String name, Closure body, Options options) {
        within(body, this)
        if ([stepsBody, inner].count { it != null } != 1) { throw new MissingMethodException("stage ${name}: exactly one of steps, stages, parallel", Stage) }
        build.path << name
        Map entry = [name: build.path.join('/'), result: 'SUCCESS']
        build.stages << entry
        int depth = build.blocks.size()
        Throwable wrong = null
        try {
            Environment block = new Environment(build: build)
            if (environmentBody) { within(environmentBody, block) }
            build.blocks << block.values
            When gate = new When(build: build)
            if (whenBody) { within(whenBody, gate) }
            if (!gate.holds) { entry.result = 'SKIPPED'; return }
            try {
                if (inner) { inner.run(together, options) } else { new Steps(build: build).run(stepsBody) }
            } catch (Failed problem) { wrong = problem } catch (Aborted problem) { wrong = problem }
            String now = wrong instanceof Aborted ? 'ABORTED' : wrong ? 'FAILURE' : build.result
            if (wrong) { println "${entry.name}: ${wrong.message}"; entry.result = now; build.worsen(now) }
            Post after = new Post(build: build)
            if (postBody) { within(postBody, after) }
            Throwable later = after.act(now)
            if (later) { entry.result = 'FAILURE' }
            wrong = wrong ?: later
        } finally {
            while (build.blocks.size() > depth) { build.blocks.pop() }
            build.path.pop()
        }
        if (wrong) { throw wrong }
    }
}

class Pipeline extends Block {
    Closure postBody, environmentBody
    Stages inner
    Options chosen = new Options()
    void agent(Closure c) { within(c, new Agent(build: build)) }
    void options(Closure c) { within(c, chosen) }
    void triggers(Closure c) { within(c, new Triggers(build: build)) }
    void parameters(Closure c) { within(c, new Parameters(build: build)) }
    void environment(Closure c) { environmentBody = c }
    void stages(Closure c) { inner = new Stages(build: build); within(c, inner) }
    void post(Closure c) { postBody = c }

    void run(Closure body) {
        within(body, this)
        if (!build.plan.label) { throw new Failed('the pipeline names no agent') }
        Environment block = new Environment(build: build)
        if (environmentBody) { within(environmentBody, block) }
        build.blocks << block.values
        try { inner.run(false, chosen) } catch (Failed | Aborted wrong) { build.worsen(wrong instanceof Aborted ? 'ABORTED' : 'FAILURE') }
        Post after = new Post(build: build)
        if (postBody) { within(postBody, after) }
        after.act(build.result)
    }
}

// Not named after the file: a script's class is.
abstract class Executed extends Script {
    static Build build
    void pipeline(Closure body) { new Pipeline(build: build).run(body) }
    // Functions of the file call steps too.
    def methodMissing(String name, Object arguments) { new Steps(build: build).invokeMethod(name, arguments) }
    def propertyMissing(String name) { new Steps(build: build).getProperty(name) }
}

Map plan = new JsonSlurper().parse(new File(args[1])) as Map
plan.parameters = [:]
plan.sh = plan.sh ?: []
plan.credentials = plan.credentials ?: [:]
Build made = new Build(plan: plan)
Executed.build = made
def configuration = new org.codehaus.groovy.control.CompilerConfiguration()
configuration.scriptBaseClass = 'Executed'
made.file = new GroovyShell(this.class.classLoader, new Binding(), configuration).parse(new File(args[0]))
made.file.run()
new File(args[2]).text = JsonOutput.toJson([result: made.result, stages: made.stages, calls: made.calls, archived: made.archived, label: plan.label,
                                            triggered: plan.triggered])
