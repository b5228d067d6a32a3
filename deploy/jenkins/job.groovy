// The one job: the Jenkinsfile of the repository's main branch, at each push to it. Not of pull requests: a stranger's code would meet the credentials.
pipelineJob('tidegate') {
    description('Checks, model, images, delivery. Its stages are verbs of make: docs/delivery.md.')
    properties {
        pipelineTriggers {
            triggers {
                githubPush()
            }
        }
    }
    definition {
        cpsScm {
            lightweight(true)
            scriptPath('Jenkinsfile')
            scm {
                git {
                    remote {
                        url(System.getenv('TIDEGATE_REPOSITORY'))
                        credentials('github-read')
                    }
                    branch('*/main')
                }
            }
        }
    }
}
